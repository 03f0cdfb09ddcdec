// The second of the program's two source files: it includes what the first one does, and both must link.
#include <limn/limn.hpp>

#include <limn/image/io.hpp>

limn::Image picture(const char* path);

limn::Image picture(const char* path) { return limn::load_image(path); }
