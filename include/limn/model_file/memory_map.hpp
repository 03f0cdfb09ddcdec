#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/file.hpp>
#include <limn/core/version.hpp>

// Emscripten calls itself Unix, but copies the whole file for a mapping. Windows maps files only through windows.h,
// whose thousands of macros would reach everyone who includes limn; there, files are read.
#if (defined(__unix__) || defined(__APPLE__)) && !defined(__EMSCRIPTEN__) && !defined(__wasm__)
#define LIMN_HAS_MMAP 1
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#else
#define LIMN_HAS_MMAP 0
#endif

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// The bytes of a file, read-only: mapped where the platform has maps (POSIX), read elsewhere. Unaligned, and valid as
/// long as the object. As with every map, the file must not be shortened meanwhile: replace model files, do not
/// overwrite them.
class MemoryMap {
 public:
  /// Throws Error with the path and the system's reason if the file cannot be read or is a directory, or cannot be
  /// mapped, as pipes cannot.
  explicit MemoryMap(const std::string& path) {
#if LIMN_HAS_MMAP
    const Descriptor file(path);
    struct stat status = {};
    if (::fstat(file.number, &status) != 0) throw file_error(path, "cannot be read", errno);
    if (S_ISDIR(status.st_mode)) throw file_error(path, "cannot be read", EISDIR);
    if (!S_ISREG(status.st_mode)) throw Error(path + ": cannot be read: not a regular file");
    if (status.st_size == 0) return;  // there are no empty maps
    if (static_cast<std::uintmax_t>(status.st_size) > static_cast<std::uintmax_t>(PTRDIFF_MAX)) {
      throw Error(path + ": " + std::to_string(status.st_size) + " bytes are more than this program can address");
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number, 0);
    if (address == MAP_FAILED) throw file_error(path, "cannot be mapped", errno);
    data_ = static_cast<const unsigned char*>(address);
    size_ = size;
#else
    bytes_ = read_file(path);
    data_ = bytes_.data();
    size_ = bytes_.size();
#endif
  }

  MemoryMap(const MemoryMap&) = delete;
  MemoryMap& operator=(const MemoryMap&) = delete;

#if LIMN_HAS_MMAP
  ~MemoryMap() {
    if (data_ != nullptr) ::munmap(const_cast<unsigned char*>(data_), size_);
  }
#endif

  const unsigned char* data() const { return data_; }
  std::size_t size() const { return size_; }

  /// Lets the system take back the memory of part of a map; read again, it is filled from the file again.
  static void release(const unsigned char* data, std::size_t size) {
#if LIMN_HAS_MMAP
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(data) + page - 1) / page * page;
    const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(data) + size) / page * page;
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
#else
    (void)data;
    (void)size;
#endif
  }

 private:
#if LIMN_HAS_MMAP
  struct Descriptor {
    // O_NONBLOCK: opening a pipe must not wait for somebody to write to it.
    explicit Descriptor(const std::string& path) : number(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
      if (number < 0) throw file_error(path, "cannot be opened", errno);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { ::close(number); }
    int number;
  };
#else
  std::vector<unsigned char> bytes_;
#endif
  const unsigned char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn

#undef LIMN_HAS_MMAP
