#pragma once

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {

/// The one exception type limn throws. `what()` is one sentence that names the file or tensor concerned and, where
/// two things disagree, what was expected and what was found.
///
/// So are those of the standard library where a call depends on the system: opening model files and pictures, writing
/// pictures, making thread pools, plans, estimators, detectors and workspaces, estimating, detecting and drawing poses
/// throw Error and nothing else, also when memory runs out. (Small functions that put together a string or a list may
/// let std::bad_alloc through; what a caller's own callback throws is the caller's.)
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {

/// What is thrown when there is no memory even for a sentence. Made beforehand: copying it takes none.
inline const Error out_of_memory("not enough memory");

/// Throws Error "WHAT: REASON". `what` is text, or a function that makes it.
template <class What>
[[noreturn]] void throw_error(const What& what, const char* reason) {
  try {
    if constexpr (std::is_invocable_v<const What&>) {
      throw Error(std::string(what()) + ": " + reason);
    } else {
      throw Error(std::string(what) + ": " + reason);
    }
  } catch (const std::bad_alloc&) {
    throw Error(out_of_memory);
  }
}

/// In a catch block: lets an Error through, and makes one about `what` of the standard library's exceptions.
template <class What>
[[noreturn]] void rethrow_as_error(const What& what) {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw_error(what, "not enough memory");
  } catch (const std::length_error&) {
    throw_error(what, "too large for memory");
  } catch (const std::exception& error) {
    throw_error(what, error.what());
  }
}

/// The result of `call`, out of which nothing but Error comes.
template <class What, class Call>
decltype(auto) only_errors(const What& what, const Call& call) {
  try {
    return call();
  } catch (...) {
    rethrow_as_error(what);
  }
}

}  // namespace detail

}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
