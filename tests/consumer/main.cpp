#include <limn/core/tensor.hpp>
#include <limn/image/image.hpp>

limn::Image picture(const char* path);

int main(int argc, char** argv) { return argc == 3 && picture(argv[2]).width() == 4 ? 0 : 1; }
