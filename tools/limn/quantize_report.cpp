#include "quantize_report.hpp"

#include <cstdio>
#include <optional>
#include <utility>

#include "text.hpp"

namespace limn::program {

namespace {

using Json = nlohmann::ordered_json;

std::string decibels(const Noise& noise) {
  const std::optional<double> value = noise.decibels();
  return value ? format("%.1f", *value) : "-";
}

std::string moved(const QuantizationLoss& loss) {
  const std::optional<double> share = loss.moved_share();
  if (!share) return "no maximum is as large as the decoder draws from";
  return format("%.2f%% of %s maxima moved by more than a cell", 100 * *share, thousands(loss.peaks).c_str());
}

std::string range_of(const MapReport& map) {
  if (!map.scale) return "floats";
  if (!map.chosen) return "as " + map.scale_of;
  return map.chosen->clipped ? format("clipped at %.4g", static_cast<double>(map.chosen->range)) : "all";
}

Json json_of(const Noise& noise) {
  const std::optional<double> value = noise.decibels();
  return value ? Json(*value) : Json();
}

Json json_of(const QuantizationLoss& loss) {
  Json json;
  json["snr"] = json_of(loss.outputs);
  json["peaks"] = loss.peaks;
  const std::optional<double> share = loss.moved_share();
  json["moved"] = share ? Json(*share) : Json();
  return json;
}

}  // namespace

void QuantizeReport::print() const {
  Table table({"Map", "Scale", "Zero", "Least", "Largest", "Range", "SNR dB"});
  table.left_align(5);
  for (const MapReport& map : maps) {
    table.add({map.name, map.scale ? format("%.4g", static_cast<double>(map.scale->scale)) : "",
               map.scale ? std::to_string(map.scale->zero_point) : "", format("%.4g", static_cast<double>(map.least)),
               format("%.4g", static_cast<double>(map.most)), range_of(map), decibels(map.noise)});
  }
  table.print();
  std::printf("%s from %s\n", count_of(inputs, "input", "inputs").c_str(), count_of(photos, "photo", "photos").c_str());
  const std::size_t in_floats = kept.size() + put_back.size();
  std::printf("%zu of %s in 8 bit%s\n", convolutions - in_floats,
              count_of(convolutions, "convolution", "convolutions").c_str(),
              kept.empty() ? "" : printable("; in floats as asked for: " + joined(kept)).c_str());
  if (loss_before) {
    std::printf("all in 8 bit: %s, more than the %.3g%% allowed; put back into floats, the dearest first:\n",
                moved(*loss_before).c_str(), 100 * max_loss);
    for (const LayerCost& layer : put_back) {
      std::printf("  %s: alone in 8 bit it leaves the outputs %s dB\n", printable(layer.name).c_str(),
                  decibels(layer.outputs).c_str());
    }
  }
  std::printf("outputs: %s dB of signal to noise; %s\n", decibels(loss.outputs).c_str(), moved(loss).c_str());
  std::printf("%s, %s bytes -> %s, %s bytes\n", printable(source).c_str(),
              thousands(static_cast<std::int64_t>(source_bytes)).c_str(), printable(file).c_str(),
              thousands(static_cast<std::int64_t>(bytes)).c_str());
}

Json QuantizeReport::to_json() const {
  Json json;
  json["model"] = model;
  json["source"] = {{"file", source}, {"bytes", source_bytes}};
  json["result"] = {{"file", file}, {"bytes", bytes}};
  json["inputs"] = inputs;
  json["photos"] = photos;
  json["failed_photos"] = failed;
  json["maps"] = Json::array();
  for (const MapReport& map : maps) {
    Json entry = {{"name", map.name}, {"least", map.least}, {"largest", map.most}};
    if (map.scale) {
      entry["scale"] = map.scale->scale;
      entry["zero_point"] = map.scale->zero_point;
    }
    if (map.chosen) {
      entry["range"] = map.chosen->range;
      entry["clipped"] = map.chosen->clipped;
    }
    entry["snr"] = json_of(map.noise);
    json["maps"].push_back(std::move(entry));
  }
  json["convolutions"] = convolutions;
  json["kept"] = kept;
  json["put_back"] = Json::array();
  for (const LayerCost& layer : put_back) {
    json["put_back"].push_back({{"name", layer.name}, {"snr", json_of(layer.outputs)}});
  }
  if (loss_before) json["loss_before"] = json_of(*loss_before);
  json["loss"] = json_of(loss);
  return json;
}

}  // namespace limn::program
