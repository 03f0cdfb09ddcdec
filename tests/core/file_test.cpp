#include <limn/core/file.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include "model_file/temporary_file.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#include <unistd.h>
#endif

using limn::detail::read_file;
using limn::detail::write_file;

namespace {

using Bytes = std::vector<unsigned char>;

Bytes some_bytes(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(i * 7 + i / 251);
  return bytes;
}

}  // namespace

TEST_CASE("a file that is read has the bytes that were written") {
  const TemporaryFile file("file_bytes");
  for (const int size : {0, 1, 2, 65535, 65536, 65537, 200001, 3}) {
    CAPTURE(size);
    const Bytes bytes = some_bytes(static_cast<std::size_t>(size));
    write_file(file.path, bytes);
    CHECK(read_file(file.path) == bytes);
    CHECK(read_file<std::string>(file.path) == std::string(bytes.begin(), bytes.end()));
  }
}

TEST_CASE("of a file no more is read than is wanted") {
  const Bytes bytes = some_bytes(100000);
  const TemporaryFile file("file_most", bytes);
  for (const int most : {0, 1, 65536, 99999, 100000, 100001}) {
    CAPTURE(most);
    CHECK(read_file(file.path, static_cast<std::size_t>(most)) ==
          Bytes(bytes.begin(), bytes.begin() + (std::min)(most, 100000)));
  }
}

TEST_CASE("a file that does not exist is an error with the path and the system's reason") {
  CHECK_THROWS_WITH_AS(read_file("no/such/file"), "no/such/file: cannot be opened: No such file or directory",
                       limn::Error);
  CHECK_THROWS_WITH_AS(write_file("no/such/file", Bytes(3)),
                       "no/such/file: cannot be opened for writing: No such file or directory", limn::Error);
}

TEST_CASE("a folder is neither read nor written") {
  const std::string folder = std::filesystem::temp_directory_path().string();
  CHECK_THROWS_WITH_AS(read_file(folder), doctest::Contains((folder + ": cannot be ").c_str()), limn::Error);
  CHECK_THROWS_WITH_AS(write_file(folder, Bytes(3)), doctest::Contains((folder + ": cannot be ").c_str()), limn::Error);
}

#if defined(__unix__) || defined(__APPLE__)
TEST_CASE("a file that may not be read is no empty file") {
  const TemporaryFile file("file_unreadable", {1, 2, 3});
  REQUIRE(::chmod(file.path.c_str(), 0) == 0);
  if (::geteuid() == 0) {
    MESSAGE("skipped: the superuser may read every file");
    return;
  }
  CHECK_THROWS_WITH_AS(read_file(file.path), (file.path + ": cannot be opened: Permission denied").c_str(),
                       limn::Error);
}

TEST_CASE("a pipe is read to its end, and no further than is wanted") {
  const std::string path = (std::filesystem::temp_directory_path() / "limn_test_file_pipe").string();
  std::remove(path.c_str());
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const Bytes bytes = some_bytes(300000);  // more than a pipe holds
  const auto written = std::async(std::launch::async, [&] { write_file(path, bytes); });
  CHECK(read_file(path) == bytes);
  written.wait();
  const auto few = std::async(std::launch::async, [&] { write_file(path, some_bytes(1000)); });
  CHECK(read_file(path, 70) == some_bytes(70));
  few.wait();
  std::remove(path.c_str());
}
#endif

#if defined(__linux__)
TEST_CASE("a folder's error tells that it is one") {
  CHECK_THROWS_WITH_AS(read_file("/proc"), "/proc: cannot be read: Is a directory", limn::Error);
  CHECK_THROWS_WITH_AS(read_file("/"), "/: cannot be read: Is a directory", limn::Error);
}

TEST_CASE("a file that says it has no bytes is read all the same") {
  CHECK(read_file<std::string>("/proc/self/status").find("Name:") == 0);
}

TEST_CASE("a file that does not fit on the disk is an error") {
  if (!std::ofstream("/dev/full")) {
    MESSAGE("skipped: no /dev/full here");
    return;
  }
  CHECK_THROWS_WITH_AS(write_file("/dev/full", Bytes(10)), "/dev/full: cannot be written: No space left on device",
                       limn::Error);
}
#endif
