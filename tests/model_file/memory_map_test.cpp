#include <limn/model_file/memory_map.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <model_file/temporary_file.hpp>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#include <unistd.h>
#endif

using limn::detail::MemoryMap;

namespace {

// Both ways of getting at the bytes have to behave alike; every platform uses one of them.
std::vector<unsigned char> map_file(const std::string& path) {
  const MemoryMap map(path);
  return {map.data(), map.data() + map.size()};
}
std::vector<unsigned char> read_file(const std::string& path) { return limn::detail::read_file(path); }

using Reader = std::vector<unsigned char> (*)(const std::string&);

}  // namespace

TEST_CASE("a mapped file and a read file have the bytes of the file") {
  std::vector<unsigned char> bytes(100001);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(i * 7 + i / 251);
  const TemporaryFile file("memory_map_bytes", bytes);
  CHECK(map_file(file.path) == bytes);
  CHECK(read_file(file.path) == bytes);
}

TEST_CASE("a part of a map that gave its memory back is read again") {
  std::vector<unsigned char> bytes(100001);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(i * 7 + i / 251);
  const TemporaryFile file("memory_map_release", bytes);
  const MemoryMap map(file.path);
  for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, 100001}, {5000, 30000}, {17, 3}, {9, 0}}) {
    CHECK(std::vector<unsigned char>(map.data(), map.data() + map.size()) == bytes);
    MemoryMap::release(map.data() + first, count);
  }
  CHECK(std::vector<unsigned char>(map.data(), map.data() + map.size()) == bytes);
}

TEST_CASE("an empty file has no bytes") {
  const TemporaryFile file("memory_map_empty");
  CHECK(map_file(file.path).empty());
  CHECK(read_file(file.path).empty());
}

TEST_CASE("a missing file is an error with the path and the system's reason") {
  for (const Reader reader : {Reader(map_file), Reader(read_file)}) {
    CHECK_THROWS_WITH_AS(reader("no/such/file"), "no/such/file: cannot be opened: No such file or directory",
                         limn::Error);
  }
}

TEST_CASE("a folder is an error with the path") {
  const std::string folder = std::filesystem::temp_directory_path().string();
  for (const Reader reader : {Reader(map_file), Reader(read_file)}) {
    CHECK_THROWS_WITH_AS(reader(folder), doctest::Contains((folder + ": cannot be ").c_str()), limn::Error);
  }
}

#if defined(__unix__) || defined(__APPLE__)
TEST_CASE("a file that may not be read is an error with the system's reason") {
  const TemporaryFile file("memory_map_unreadable", {1, 2, 3});
  REQUIRE(::chmod(file.path.c_str(), 0) == 0);
  if (::geteuid() == 0) {
    MESSAGE("skipped: the superuser may read every file");
    return;
  }
  for (const Reader reader : {Reader(map_file), Reader(read_file)}) {
    CHECK_THROWS_WITH_AS(reader(file.path), (file.path + ": cannot be opened: Permission denied").c_str(), limn::Error);
  }
}

TEST_CASE("a pipe is refused without waiting for somebody to write to it") {
  const std::string path = (std::filesystem::temp_directory_path() / "limn_test_memory_map_pipe").string();
  std::remove(path.c_str());
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(map_file(path), (path + ": cannot be read: not a regular file").c_str(), limn::Error);
  std::remove(path.c_str());
}

TEST_CASE("a mapped file stays readable after it was removed") {
  std::string path;
  const auto map = [&] {
    const TemporaryFile file("memory_map_removed", {1, 2, 3});
    path = file.path;
    return std::make_unique<MemoryMap>(file.path);
  }();
  REQUIRE_FALSE(std::filesystem::exists(path));
  REQUIRE(map->size() == 3);
  CHECK(map->data()[2] == 3);
}
#endif
