#include <limn/core/error.hpp>

#include <doctest/doctest.h>

#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include "counted_new.hpp"

using limn::Error;
using limn::detail::only_errors;

namespace {

/// What comes out of a call that throws `exception`.
template <class Exception>
std::string message_of(const Exception& exception) {
  try {
    only_errors("model.safetensors", [&]() -> int { throw exception; });
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("what the standard library throws becomes an error that names what it was about") {
  CHECK(message_of(std::bad_alloc()) == "model.safetensors: not enough memory");
  CHECK(message_of(std::length_error("vector::_M_default_append")) == "model.safetensors: too large for memory");
  CHECK(message_of(std::out_of_range("map::at")) == "model.safetensors: map::at");
  const auto busy = std::make_error_code(std::errc::resource_unavailable_try_again);
  CHECK(message_of(std::system_error(busy)) == "model.safetensors: " + busy.message());
  CHECK(only_errors("nothing", [] { return 7; }) == 7);
}

TEST_CASE("an error comes through as it is, and so does what is no exception of the standard library") {
  CHECK(message_of(Error("box: empty")) == "box: empty");
  CHECK_THROWS_AS(only_errors("call", []() -> int { throw 5; }), int);
}

TEST_CASE("without memory for its own sentence, an error says just that memory is short") {
  std::string message;
  const std::bad_alloc exception;
  const std::string name(100, 'x');
  try {
    only_errors(name, [&]() -> int {
      refused_request = 0;
      throw exception;
    });
  } catch (const Error& error) {
    refused_request = -1;
    message = error.what();
  }
  // Where the memory of an exception itself comes from malloc, that is what was refused, and there is a reserve.
  const bool short_of_memory = message == "not enough memory" || message == name + ": not enough memory";
  CHECK(short_of_memory);
}
