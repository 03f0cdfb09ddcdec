# Every dependency is the system's if it is installed, else fetched at a pinned tag.
include(FetchContent)

find_package(Threads REQUIRED)

FetchContent_Declare(Eigen3 GIT_REPOSITORY https://gitlab.com/libeigen/eigen.git GIT_TAG 3.4.0
                     FIND_PACKAGE_ARGS 3.4 NO_MODULE)
FetchContent_Declare(nlohmann_json GIT_REPOSITORY https://github.com/nlohmann/json.git GIT_TAG v3.11.2
                     FIND_PACKAGE_ARGS 3.9)
set(EIGEN_BUILD_DOC OFF)
set(BUILD_TESTING OFF)
FetchContent_MakeAvailable(Eigen3 nlohmann_json)

find_path(LIMN_STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb)
