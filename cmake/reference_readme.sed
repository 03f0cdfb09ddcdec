# What Doxygen reads of README.md (FILTER_PATTERNS of Doxyfile.in).

# GitHub makes a heading's anchor of its words; here it is written down.
/^## /{
  h
  s/^## *//
  y/ABCDEFGHIJKLMNOPQRSTUVWXYZ /abcdefghijklmnopqrstuvwxyz-/
  s/[^a-z0-9-]//g
  x
  G
  s/\n\(.*\)/ {#\1}/
}

# The reference has a page of the C interface; what else the README points at stays in the repository.
s/\[\([^]]*\)\](include\/limn\/c\.h)/@ref c.h "\1"/g
s/\([^!]\)\[\([^]]*\)\]([A-Za-z][A-Za-z0-9_.\/-]*\(#[a-z0-9_-]*\)*)/\1\2/g
s/^\[\([^]]*\)\]([A-Za-z][A-Za-z0-9_.\/-]*\(#[a-z0-9_-]*\)*)/\1/
