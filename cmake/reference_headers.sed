# What Doxygen reads of the headers (INPUT_FILTER of Doxyfile.in). Line for line, so that warnings name the right ones.

# The inline namespace bears the version; nobody writes it.
s/^inline namespace LIMN_VERSION_NAMESPACE {$//
s/^}  \/\/ namespace LIMN_VERSION_NAMESPACE$//

# What all layers have (layers/layer.hpp) and what C++ itself explains is documented here, once.
s/^  static constexpr const char\* type =/  \/** What the layer is called; of PyTorch's layers the name of their class. *\/&/
s/^  std::vector<ParameterSpec> parameters() const/  \/** The tensors that the layer needs, without its name before theirs. *\/&/
s/^  std::int64_t multiply_adds(const Shape&\( shape\)*)/  \/** Multiply-adds for an input of this shape. *\/&/
s/^  friend bool operator==/  \/** Whether all members are equal. *\/&/
s/^  friend bool operator!=/  \/** Whether any member differs. *\/&/

# At the beginning of a sentence these are words, not limn's types.
s/\(\/\/\/.*\)Input in_channels/\1%Input in_channels/
s/\(\/\/\/.*\)Input C x/\1%Input C x/
s/\(\/\/\/.*\)Input and/\1%Input and/
s/\(\/\/\/.*\)Image row/\1%Image row/

# Formulas stand two blanks further in and after an empty line. Four more, and they are set as they are written.
/^ *\/\/\/$/{
  :next
  n
  s/^\( *\/\/\/\)   \([^-]\)/\1       \2/
  t next
}
