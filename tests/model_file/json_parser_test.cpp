#include <limn/model_file/json_parser.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <limn/core/error.hpp>

namespace {

/// Writes down the events, one after another, with what they stand for in the text.
struct Record {
  std::string text;

  void add(const std::string& event, std::string_view source) { text += event + "<" + std::string(source) + "> "; }
  void null(std::string_view source) { add("null", source); }
  void boolean(bool value, std::string_view source) { add(value ? "true" : "false", source); }
  void number(std::uint64_t value, std::string_view source) { add("whole " + std::to_string(value), source); }
  void number(std::int64_t value, std::string_view source) { add("minus " + std::to_string(value), source); }
  void number(double value, std::string_view source) { add("real " + std::to_string(value), source); }
  void string(std::string& value, std::string_view source) { add("string " + value, source); }
  void key(std::string& value) { text += "key " + std::exchange(value, "") + " "; }
  void start_object(std::string_view source) { add("object", source); }
  void end_object(std::string_view source) { add("end", source); }
  void start_array(std::string_view source) { add("array", source); }
  void end_array(std::string_view source) { add("end", source); }
};

/// The events of a text, or with what message after "T: " it is refused.
std::string events(const std::string& text) {
  // A copy of the exact size lets the address sanitizer see a read behind the end.
  const std::unique_ptr<char[]> copy(new char[text.size()]);
  if (!text.empty()) std::memcpy(copy.get(), text.data(), text.size());
  Record record;
  try {
    limn::detail::JsonParser<Record>({copy.get(), text.size()}, "T", record).parse();
    if (!record.text.empty()) record.text.pop_back();
    return record.text;
  } catch (const limn::Error& error) {
    return std::string(error.what()).substr(3);
  }
}

/// What a string of JSON stands for; its text is given without the quotes.
std::string string(const std::string& text) {
  const std::string event = events("\"" + text + "\"");
  const std::string begin = "string ";
  const std::string end = "<\"" + text + "\">";
  if (event.rfind(begin, 0) != 0) return event;
  return event.substr(begin.size(), event.size() - begin.size() - end.size());
}

bool refused(const std::string& text) {
  const std::string message = events(text);
  for (const char c : message) {
    if (c < 0x20 || c > 0x7E) return false;
  }
  return message.rfind("invalid JSON: expected ", 0) == 0 && message.find(" at byte ") != std::string::npos &&
         message.find(", found ") != std::string::npos && message.size() < 300;
}

}  // namespace

TEST_CASE("a JSON text becomes events in its order, each with its part of the text") {
  CHECK(events("null") == "null<null>");
  CHECK(events("true") == "true<true>");
  CHECK(events("false") == "false<false>");
  CHECK(events("\"a\"") == "string a<\"a\">");
  CHECK(events("{}") == "object<{> end<}>");
  CHECK(events("[]") == "array<[> end<]>");
  CHECK(events(" \t\r\n[ \t\r\n] \t\r\n") == "array<[> end<]>");
  CHECK(events("[1,[2],{}]") == "array<[> whole 1<1> array<[> whole 2<2> end<]> object<{> end<}> end<]>");
  CHECK(events(R"( { "a" : 1 , "b" : { "a" : [ null , "x\ty" ] } , "a" : false } )") ==
        "object<{> key a whole 1<1> key b object<{> key a array<[> null<null> string x\ty<\"x\\ty\"> end<]> end<}> "
        "key a false<false> end<}>");
}

TEST_CASE("numbers are whole, whole with a minus, or real") {
  CHECK(events("0") == "whole 0<0>");
  CHECK(events("18446744073709551615") == "whole 18446744073709551615<18446744073709551615>");
  CHECK(events("18446744073709551616") == "real 18446744073709551616.000000<18446744073709551616>");
  CHECK(events("-0") == "minus 0<-0>");
  CHECK(events("-9223372036854775808") == "minus -9223372036854775808<-9223372036854775808>");
  CHECK(events("-9223372036854775809") == "real -9223372036854775808.000000<-9223372036854775809>");
  CHECK(events("1.0") == "real 1.000000<1.0>");
  CHECK(events("1e0") == "real 1.000000<1e0>");
  CHECK(events("-12.50E+1") == "real -125.000000<-12.50E+1>");
  CHECK(events("1e-400") == "real 0.000000<1e-400>");
  CHECK(events("[0.25,10]") == "array<[> real 0.250000<0.25> whole 10<10> end<]>");
}

TEST_CASE("what the grammar does not have is refused") {
  for (const char* text : {
           "",
           " ",
           "\n",  // nothing
           "nul",
           "nulL",
           "True",
           "tru e",
           "nullx",
           "NaN",
           "Infinity",
           "-Infinity",
           "undefined",  // words
           "{",
           "[",
           "}",
           "]",
           ",",
           ":",
           "[1",
           "[1,",
           "{\"a\"",
           "{\"a\":",
           "{\"a\":1",
           "{\"a\":1,",
           "[,]",
           "[1,]",
           "[,1]",
           "[1 2]",
           "[1}",
           "{]",
           "[}",
           "{\"a\":1]",
           "[1:2]",
           "{1:2}",
           "{a:1}",
           "{'a':1}",
           "{\"a\" 1}",
           "{\"a\",1}",
           "{\"a\":}",
           "{,}",
           "{\"a\":1,}",
           "{\"a\":1 \"b\":2}",
           "{null:1}",
           "1 2",
           "{}{}",
           "[]]",
           "null,",
           "\"a\" \"b\"",  // more than one
           "-",
           "+1",
           "01",
           "-01",
           "00",
           "1.",
           ".5",
           "-.5",
           "1.e5",
           "1e",
           "1e+",
           "1e-",
           "1e5.5",
           "0x10",
           "1_000",
           "--1",
           "- 1",
           "1,5",  // numbers
           "'a'",
           "\"",
           "\"a",
           "\"\\\"",
           "\"a\nb\"",
           "\"a\tb\"",
           "\"\x1F\"",  // strings
           "\"\\a\"",
           "\"\\'\"",
           "\"\\U0041\"",
           "\"\\\n\"",
           "\"\\u\"",
           "\"\\u12\"",
           "\"\\u12G4\"",
           "\"\\u 041\"",
           "// no\n1",
           "1 // no",
           "/* no */ 1",
           "# no\n1",
           "[1, // no\n2]",  // comments
           "\f1",
           "\v1",
           "1\f",
           "\xC2\xA0"
           "1",  // blanks of others
           "\xEF\xBB\xBF{}",
           "\xFF\xFE{",
           "\x80",  // byte order marks
       }) {
    CAPTURE(text);
    CHECK(refused(text));
  }
  // 0 is a byte as any other that does not belong there.
  for (const std::string text : {"\0", "1\0", "{\0}", "\"\0\"", "\"\\\0\"", "[1\0]"}) {
    CHECK(refused(text + std::string(1, '\0')));
  }
  CHECK(refused(std::string("{}\0", 3)));
  CHECK(refused(std::string("\"a\0b\"", 5)));
}

TEST_CASE("escape sequences stand for what RFC 8259 says") {
  CHECK(string(R"(\"\\\/\b\f\n\r\t)") == "\"\\/\b\f\n\r\t");
  CHECK(string(R"(\u0041\u00e4\u20AC\uFFFF)") == "A\xC3\xA4\xE2\x82\xAC\xEF\xBF\xBF");
  CHECK(string(R"(\u007F\u0080\u07ff\u0800)") == "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80");
  CHECK(string(R"(\ud7ff\ue000)") == "\xED\x9F\xBF\xEE\x80\x80");
  CHECK(string(R"(\u0000)") == std::string(1, '\0'));
  CHECK(string(R"(\ud83d\ude00)") == "\xF0\x9F\x98\x80");
  CHECK(string(R"(\uD800\uDC00)") == "\xF0\x90\x80\x80");
  CHECK(string(R"(\udbff\udfff)") == "\xF4\x8F\xBF\xBF");
  for (const char* half :
       {R"(\ud800)", R"(\udc00)", R"(\udfff)", R"(\ud800x)", R"(\ud800\n)", R"(\ud800\u)", R"(\ud800\u0041)",
        R"(\ud800\ue000)", R"(\ud800\ud800)", R"(\udc00\ud800)", R"(\ud800 \udc00)"}) {
    CAPTURE(half);
    CHECK(refused("\"" + std::string(half) + "\""));
  }
}

TEST_CASE("a string is UTF-8, each character in the one way to write it") {
  for (const char* text :
       {"\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xE0\xBF\xBF", "\xE1\x80\x80", "\xEC\xBF\xBF", "\xED\x80\x80",
        "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF0\xBF\xBF\xBF", "\xF1\x80\x80\x80",
        "\xF3\xBF\xBF\xBF", "\xF4\x80\x80\x80", "\xF4\x8F\xBF\xBF", "M\xC3\xBCller"}) {
    CHECK(string(text) == text);
  }
  for (const char* text : {
           "\x80",
           "\xBF",
           "\xC2",
           "\xC2 ",
           "\xE1\x80",
           "\xE1\x80 ",
           "\xF1\x80\x80",
           "\xF1\x80\x80 ",  // cut off
           "\xC0\x80",
           "\xC1\xBF",
           "\xE0\x80\x80",
           "\xE0\x9F\xBF",
           "\xF0\x80\x80\x80",
           "\xF0\x8F\xBF\xBF",  // overlong
           "\xED\xA0\x80",
           "\xED\xBF\xBF",  // surrogates
           "\xF4\x90\x80\x80",
           "\xF5\x80\x80\x80",
           "\xF8\x88\x80\x80\x80",
           "\xFE",
           "\xFF",  // beyond U+10FFFF
           "\xC2\xC2",
           "\xE1\xC2\x80",
           "\xE1\x80\xC2",
           "\xF1\x80\x80\xC2",
           "\xC3\x28",
       }) {
    CAPTURE(text);
    CHECK(refused("\"" + std::string(text) + "\""));
    CHECK(refused("{\"" + std::string(text) + "\":1}"));
    CHECK(refused("\"" + std::string(text)));
  }
  CHECK(refused("\xC3\xA4"));
}

TEST_CASE("messages say what was expected, where, and what was found") {
  const auto invalid = [](const std::string& text) {
    const std::string message = events(text);
    const std::string begin = "invalid JSON: expected ";
    REQUIRE(message.rfind(begin, 0) == 0);
    return message.substr(begin.size());
  };
  CHECK(invalid("") == "a value at byte 0, found the end of the text");
  CHECK(invalid("{\"a\" 1}") == "':' after a key at byte 5, found '1'");
  CHECK(invalid("{\"a\": x}") == "a value at byte 6, found 'x'");
  CHECK(invalid("{\"a\": 1") == "',' or '}' at byte 7, found the end of the text");
  CHECK(invalid("{\"a\": 1,}") == "a key in quotes at byte 8, found '}'");
  CHECK(invalid("[1 2]") == "',' or ']' at byte 3, found '2'");
  CHECK(invalid("[1] ]") == "the end of the text at byte 4, found ']'");
  CHECK(invalid("nulx") == "null at byte 3, found 'x'");
  CHECK(invalid("-x") == "a digit at byte 1, found 'x'");
  CHECK(invalid("1.") == "a digit at byte 2, found the end of the text");
  CHECK(invalid("\"ab") == "the quote that ends the string at byte 3, found the end of the text");
  CHECK(invalid("\"a\nb\"") == "a character of a string, or its end at byte 2, found the byte 0x0A");
  CHECK(invalid("\"\\x\"") == "an escape sequence at byte 2, found 'x'");
  CHECK(invalid("\"\\u00g0\"") == "a hexadecimal digit at byte 5, found 'g'");
  CHECK(invalid("\"\\ud800\"") == "the second half of a surrogate pair at byte 7, found '\"'");
  CHECK(invalid("\"\\ud800\\u0041\"") == "the second half of a surrogate pair at byte 9, found '0'");
  CHECK(invalid("\"\\udc00\"") == "the first half of a surrogate pair before the second at byte 3, found 'd'");
  CHECK(invalid("\"\xC3(\"") == "UTF-8 at byte 2, found '('");
  CHECK(invalid("\"\xFF\"") == "UTF-8 at byte 1, found the byte 0xFF");
  CHECK(invalid("\xEF\xBB\xBF{}") == "a value at byte 0, found the byte 0xEF");
  CHECK(invalid("[0, -1e999]") == "a number that fits a double at byte 4, found -1e999");
  CHECK(invalid(std::string(400, '9')) ==
        "a number that fits a double at byte 0, found " + std::string(120, '9') + "...");
}

TEST_CASE("objects and arrays are nested 16 deep, and no deeper") {
  const auto arrays = [](int depth, const std::string& inside) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += "[";
    text += inside;
    for (int i = 0; i < depth; ++i) text += "]";
    return text;
  };
  const auto objects = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += "{\"a\":";
    text += "1";
    for (int i = 0; i < depth; ++i) text += "}";
    return text;
  };
  CHECK(events(arrays(16, "1")).rfind("array<[> ", 0) == 0);
  CHECK(events(objects(16)).rfind("object<{> ", 0) == 0);
  CHECK(events(arrays(17, "")) == "nested more than 16 deep");
  CHECK(events(arrays(16, "{}")) == "nested more than 16 deep");
  CHECK(events(objects(17)) == "nested more than 16 deep");
  CHECK(events(std::string(500000, '[')) == "nested more than 16 deep");
}

TEST_CASE("a string, a number or blanks of more than 1 MiB are refused") {
  constexpr std::size_t longest = std::size_t{1} << 20;
  const std::string message = " of more than 1048576 bytes at byte ";
  CHECK(string(std::string(longest - 1, 'x')).size() == longest - 1);
  CHECK(events("[\"" + std::string(longest, 'x') + "\"]") == "a string" + message + "1");
  CHECK(events("[\"" + std::string(longest, 'x')) == "a string" + message + "1");
  CHECK(events("{\"" + std::string(longest, 'x') + "\":1}") == "a string" + message + "1");
  CHECK(events(std::string(longest, ' ') + "1") == "whole 1<1>");
  CHECK(events("1" + std::string(longest + 1, '\n')) == "blanks" + message + "1");
  CHECK(events("[" + std::string(longest + 1, ' ') + "]") == "blanks" + message + "1");
  CHECK(events("[0." + std::string(longest - 2, '1') + "]").rfind("array<[> real 0.111111<0.1111", 0) == 0);
  CHECK(events("[0." + std::string(longest, '1') + "]") == "a number" + message + "1");
  CHECK(events("[" + std::string(longest + 1, '1') + "]") == "a number" + message + "1");
}

TEST_CASE("a text cut off at any byte is refused") {
  const std::string whole = R"([{"a\u00e4\ud83d\ude00)"
                            "\xC3\xA4\xF0\x9F\x98\x80"
                            R"(": [1.5e-3, -2], "b": null}, true, false, "\n"])";
  REQUIRE(events(whole).rfind("array", 0) == 0);
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK(refused(whole.substr(0, size)));
}
