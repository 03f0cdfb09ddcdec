#include <limn/model_file/json_value.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>

#include <limn/core/error.hpp>
#include <limn/model_file/field.hpp>

using limn::detail::JsonValue;
using limn::detail::parse_json;

namespace {

std::string json_value_refusal(const std::string& text) {
  try {
    parse_json(text, "T");
    return "";
  } catch (const limn::Error& error) {
    return std::string(error.what()).substr(3);
  }
}

const char* const everything = R"( {"b": [1, -2, 2.5, 1e2, 9223372036854775807, 9223372036854775808],
  "a": {"text": "x \" y", "yes": true, "no": false, "nothing": null}, "": [[], {}]} )";

}  // namespace

TEST_CASE("a JSON text becomes values, which know their part of the text") {
  const std::string text = everything;
  const JsonValue root = parse_json(text, "T");
  CHECK(root.source == text.substr(1, text.size() - 2));
  const auto* const object = root.get<JsonValue::Object>();
  REQUIRE(object != nullptr);
  REQUIRE(object->size() == 3);
  CHECK(find(*object, "c") == nullptr);
  CHECK(find(*object, "aa") == nullptr);

  const JsonValue* const b = find(*object, "b");
  REQUIRE(b != nullptr);
  CHECK(b->source == "[1, -2, 2.5, 1e2, 9223372036854775807, 9223372036854775808]");
  const auto* const numbers = b->get<JsonValue::Array>();
  REQUIRE(numbers != nullptr);
  REQUIRE(numbers->size() == 6);
  REQUIRE((*numbers)[0].get<std::int64_t>() != nullptr);
  CHECK(*(*numbers)[0].get<std::int64_t>() == 1);
  CHECK(*(*numbers)[1].get<std::int64_t>() == -2);
  REQUIRE((*numbers)[2].get<double>() != nullptr);
  CHECK(*(*numbers)[2].get<double>() == 2.5);
  CHECK(*(*numbers)[3].get<double>() == 100.0);
  CHECK((*numbers)[3].source == "1e2");
  CHECK(*(*numbers)[4].get<std::int64_t>() == 9223372036854775807);
  CHECK((*numbers)[5].get<std::int64_t>() == nullptr);
  CHECK(*(*numbers)[5].get<double>() == 9223372036854775808.0);

  const JsonValue* const a = find(*object, "a");
  REQUIRE(a != nullptr);
  const auto* const members = a->get<JsonValue::Object>();
  REQUIRE(members != nullptr);
  REQUIRE(find(*members, "text")->get<std::string>() != nullptr);
  CHECK(*find(*members, "text")->get<std::string>() == "x \" y");
  CHECK(find(*members, "text")->source == R"("x \" y")");
  CHECK(*find(*members, "yes")->get<bool>());
  CHECK_FALSE(*find(*members, "no")->get<bool>());
  CHECK(find(*members, "nothing")->get<JsonValue::Null>() != nullptr);
  CHECK(find(*members, "nothing")->get<bool>() == nullptr);

  const auto* const empty = find(*object, "")->get<JsonValue::Array>();
  REQUIRE(empty != nullptr);
  REQUIRE(empty->size() == 2);
  CHECK((*empty)[0].get<JsonValue::Array>()->empty());
  CHECK((*empty)[1].get<JsonValue::Object>()->empty());
}

TEST_CASE("a key that an object has twice is refused, also if it is written differently") {
  CHECK(json_value_refusal(R"({"a": 1, "b": 2, "a": 1})") == "key \"a\" appears twice");
  CHECK(json_value_refusal(R"([{"b": {"a": 1, "\u0061": 1}}])") == "key \"a\" appears twice");
  CHECK(json_value_refusal(R"({"\n": 1, "\n": 1})") == "key \"?\" appears twice");
  CHECK(json_value_refusal(R"({"a": {"a": {"a": 1}}, "b": {"a": 1}})").empty());
}

TEST_CASE("20000 values and keys are read, and no more") {
  const auto array = [](int count) {
    std::string text = "[0";
    for (int i = 1; i < count; ++i) text += ",0";
    return text + "]";
  };
  const auto object = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += (i == 0 ? "{\"" : ",\"") + std::to_string(i) + "\":0";
    return text + "}";
  };
  CHECK(json_value_refusal(array(19999)).empty());
  CHECK(json_value_refusal(array(20000)) == "more than 20000 values");
  CHECK(json_value_refusal(object(9999)).empty());
  CHECK(json_value_refusal(object(10000)) == "more than 20000 values");
}

TEST_CASE("JSON is shown in messages without the blanks between its words") {
  using limn::detail::without_blanks;
  CHECK(without_blanks("") == "");
  CHECK(without_blanks(" [ 1 ,\n\t2 ]\r\n") == "[1,2]");
  CHECK(without_blanks(R"({ "a b" : "\" c\\" , "d" : " \\\" " })") == R"({"a b":"\" c\\","d":" \\\" "})");
}
