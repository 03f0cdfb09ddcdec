#include <limn/model_file/json_number.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <utility>

using limn::detail::read_decimal;

namespace {

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

/// The C library's reading (in the locale "C"), which with glibc, musl and Microsoft's is correctly rounded.
bool as_the_c_library_reads(const std::string& text) {
  const bool same = same_bits(read_decimal(text), std::strtod(text.c_str(), nullptr));
  if (!same) MESSAGE(text);
  return same;
}

/// The bits are uniformly distributed: every exponent is as frequent.
double random_double(std::mt19937_64& random) {
  for (;;) {
    const std::uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    if (std::isfinite(value)) return value;
  }
}

}  // namespace

TEST_CASE("a decimal number is read as the double that the compiler makes of it") {
  const std::pair<const char*, double> numbers[] = {
      {"0", 0.0},
      {"-0", -0.0},
      {"0.000e99999999999999999999", 0.0},
      {"-0e-5", -0.0},
      {"1", 1.0},
      {"-12.5e-3", -12.5e-3},
      {"0.1", 0.1},
      {"0.485", 0.485},
      {"1E+2", 100.0},
      {"100000000000000000000000", 1e23},
      {"18446744073709551615", 18446744073709551615.0},
      {"18446744073709551616", 18446744073709551616.0},
      {"123456789012345678901234567890", 123456789012345678901234567890.0},
      // The numbers that once sent PHP and Java round in circles.
      {"2.2250738585072011e-308", 2.2250738585072011e-308},
      {"2.2250738585072012e-308", 2.2250738585072012e-308},
      {"2.2250738585072014e-308", (std::numeric_limits<double>::min)()},
      // The smallest, what is just above and just below half of it, and half of it.
      {"4.9406564584124654e-324", std::numeric_limits<double>::denorm_min()},
      {"2.4703282292062328e-324", std::numeric_limits<double>::denorm_min()},
      {"2.4703282292062327e-324", 0.0},
      {"1e-400", 0.0},
      {"-1e-99999999999999999999", -0.0},
      // The largest, and what rounds to it.
      {"1.7976931348623157e308", (std::numeric_limits<double>::max)()},
      {"1.7976931348623158e308", (std::numeric_limits<double>::max)()},
  };
  for (const auto& number : numbers) {
    CAPTURE(number.first);
    CHECK(same_bits(read_decimal(number.first), number.second));
  }
}

TEST_CASE("a decimal number that is too large is infinite") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const char* text : {"1.7976931348623159e308", "1.8e308", "1e309", "1e999", "1e99999999999999999999"}) {
    CAPTURE(text);
    CHECK(read_decimal(text) == infinity);
    CHECK(read_decimal(std::string("-") + text) == -infinity);
  }
  CHECK(read_decimal("1" + std::string(309, '0')) == infinity);
}

TEST_CASE("of two doubles as near the even one is read, and the smallest difference decides") {
  // 2^53 and the next two doubles, with what is in the middle between them.
  CHECK(read_decimal("9007199254740993") == 9007199254740992.0);
  CHECK(read_decimal("9007199254740995") == 9007199254740996.0);
  for (const std::size_t zeros : {1U, 100U, 749U, 750U, 751U, 752U, 753U, 10000U}) {
    CAPTURE(zeros);
    CHECK(read_decimal("9007199254740993." + std::string(zeros, '0')) == 9007199254740992.0);
    CHECK(read_decimal("9007199254740993." + std::string(zeros, '0') + "1") == 9007199254740994.0);
    CHECK(read_decimal("9007199254740992." + std::string(zeros, '9')) == 9007199254740992.0);
    CHECK(read_decimal("9007199254740994." + std::string(zeros, '9')) == 9007199254740994.0);
  }
}

TEST_CASE("long numbers are read whatever their exponent makes up for") {
  CHECK(read_decimal("0." + std::string(100000, '0') + "125e100000") == 0.125);
  CHECK(read_decimal("125" + std::string(100000, '0') + "e-100003") == 0.125);
  CHECK(read_decimal(std::string(800, '1') + "e-800") == 1.0 / 9);
}

TEST_CASE("random decimal numbers are read as the C library reads them") {
  std::mt19937_64 random(20250601);
  int different = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = round % 2 == 0 ? "" : "-";
    const std::size_t digits = 1 + random() % 40;
    const std::size_t point = random() % (digits + 1);
    for (std::size_t i = 0; i < digits; ++i) {
      if (i == point) text += i == 0 ? "0." : ".";
      text += static_cast<char>('0' + random() % 10);
    }
    text += "e" + std::to_string(static_cast<int>(random() % 700) - 350);
    different += as_the_c_library_reads(text) ? 0 : 1;
  }
  CHECK(different == 0);
}

TEST_CASE("what a double is written as is read as that double again") {
  std::mt19937_64 random(20250602);
  int different = 0;
  char text[64];
  for (int round = 0; round < 20000; ++round) {
    const double value = random_double(random);
    std::snprintf(text, sizeof(text), "%.17g", value);
    if (!same_bits(read_decimal(text), value)) ++different;
  }
  CHECK(different == 0);
}

TEST_CASE("the middle between two doubles, and its neighbours, are read as the C library reads them") {
  std::mt19937_64 random(20250603);
  int different = 0;
  char text[2000];
  for (int round = 0; round < 2000; ++round) {
    // A long double has the bits for the middle on most machines; on the others these are doubles, written in full.
    const double value = std::fabs(random_double(random));
    const double next = std::nextafter(value, std::numeric_limits<double>::infinity());
    if (std::isinf(next)) continue;
    const long double middle = static_cast<long double>(value) + (static_cast<long double>(next) - value) / 2;
    std::snprintf(text, sizeof(text), "%.1100Le", middle);
    std::string number = text;
    const std::size_t exponent = number.find('e');
    different += as_the_c_library_reads(number) ? 0 : 1;
    number[exponent - 1] = '1';
    different += as_the_c_library_reads(number) ? 0 : 1;
    // One less in the last digit that is not 0.
    number[exponent - 1] = '0';
    const std::size_t last = number.find_last_of("123456789", exponent);
    if (last == std::string::npos) continue;
    --number[last];
    different += as_the_c_library_reads(number) ? 0 : 1;
  }
  CHECK(different == 0);
}
