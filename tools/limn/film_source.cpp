#include "film_source.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <nlohmann/json.hpp>

#include <limn/core/error.hpp>

#include "interrupt.hpp"
#include "photos.hpp"
#include "pictures.hpp"
#include "text.hpp"

namespace limn::program {

namespace {

constexpr std::size_t frames_ahead = 4;
constexpr double usual_rate = 30;  // frames a second, where nothing says

/// "30000/1001" as a number, 0 if it is none.
double fraction(const std::string& text) {
  const std::size_t slash = text.find('/');
  const double above = std::atof(text.c_str());
  const double below = slash == std::string::npos ? 1 : std::atof(text.c_str() + slash + 1);
  return below > 0 && above > 0 ? above / below : 0;
}

/// jetson-inference writes img_%i.jpg for what ffmpeg calls img_%d.jpg.
std::string ffmpegs_pattern(std::string pattern) {
  const std::size_t place = pattern.find("%i");
  if (place != std::string::npos) pattern[place + 1] = 'd';
  return pattern;
}

/// What ffmpeg and ffprobe are told of the input. A path is said to be one, so that a name like "concat:x" is no more.
std::vector<std::string> input_arguments(const FilmAddress& address, const FilmSourceOptions& options) {
  using Kind = FilmAddress::Kind;
  const std::string rate = format("%.6g", options.rate > 0 ? options.rate : usual_rate);
  switch (address.kind) {
    case Kind::camera:
      if (options.rate > 0) return {"-f", "v4l2", "-framerate", rate, "-i", address.text};
      return {"-f", "v4l2", "-i", address.text};
    case Kind::network:
      if (address.text.compare(0, 4, "rtsp") == 0) return {"-rtsp_transport", "tcp", "-i", address.text};
      return {"-i", address.text};
    case Kind::standard_input: return {"-i", "pipe:0"};
    case Kind::pattern: return {"-f", "image2", "-framerate", rate, "-i", "file:" + ffmpegs_pattern(address.text)};
    case Kind::pictures:
    case Kind::file: break;
  }
  return {"-i", "file:" + address.text};
}

}  // namespace

FilmSource::FilmSource(const FilmAddress& address, const FilmSourceOptions& options)
    : address_(address), options_(options) {
  if (address.kind == FilmAddress::Kind::pictures) {
    for (const PhotoFile& photo : find_photos({address.text})) {
      if (!photo.error.empty()) throw Error(photo.path + ": " + photo.error);
      pictures_.push_back(photo.path);
    }
    facts_.rate = options.rate > 0 ? options.rate : usual_rate;
    facts_.duration = static_cast<double>(pictures_.size()) / facts_.rate;
    facts_.frames = static_cast<std::int64_t>(pictures_.size());
    reader_ = std::thread([this] { read_pictures(); });
    return;
  }
  if (address.kind == FilmAddress::Kind::file || address.kind == FilmAddress::Kind::pattern) probe();
  start_ffmpeg();
  messages_ = std::thread([this] { read_messages(); });
  reader_ = std::thread([this] { read_film(); });
}

FilmSource::~FilmSource() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (decoder_) decoder_->stop();
  if (reader_.joinable()) reader_.join();
  if (messages_.joinable()) messages_.join();
}

void FilmSource::probe() {
  std::vector<std::string> arguments = {"ffprobe",
                                        "-v",
                                        "error",
                                        "-of",
                                        "json",
                                        "-show_entries",
                                        "stream=codec_type,r_frame_rate,avg_frame_rate,duration:format=duration"};
  const std::vector<std::string> input = input_arguments(address_, options_);
  arguments.insert(arguments.end(), input.begin(), input.end());
  ChildProcess ffprobe(arguments, {false, false, true, true});
  std::string text(1 << 20, '\0');
  text.resize(ffprobe.read(&text[0], text.size()));
  std::string complaint, line;
  while (ffprobe.read_error_line(line)) {
    if (complaint.empty()) complaint = line;
  }
  const int status = ffprobe.wait();
  const nlohmann::json facts = nlohmann::json::parse(text, nullptr, false);
  bool has_video = false;
  if (facts.is_object() && facts.contains("streams") && facts["streams"].is_array()) {
    for (const nlohmann::json& stream : facts["streams"]) {
      const std::string type = stream.value("codec_type", "");
      if (type == "audio") facts_.has_audio = true;
      if (type != "video" || has_video) continue;
      has_video = true;
      facts_.rate = fraction(stream.value("avg_frame_rate", ""));
      const double base = fraction(stream.value("r_frame_rate", ""));
      // The least rate that has all frames in their places, unless it is one of a mere clock.
      if (base > 0 && base <= 120) facts_.rate = (std::max)(facts_.rate, base);
      facts_.duration = std::atof(stream.value("duration", "0").c_str());
    }
    if (facts_.duration <= 0 && facts.contains("format")) {
      facts_.duration = std::atof(facts["format"].value("duration", "0").c_str());
    }
  }
  if (!has_video) {
    throw Error(address_.text + ": cannot be read as a film: " +
                (status != 0 && !complaint.empty() ? complaint : "there are no pictures in it"));
  }
  if (!std::isfinite(facts_.rate) || facts_.rate <= 0 || facts_.rate > 1000) facts_.rate = usual_rate;
  double seconds = (std::max)(0.0, facts_.duration - options_.start);
  if (options_.duration) seconds = (std::min)(seconds, *options_.duration);
  if (std::isfinite(seconds) && seconds < 1e9) {
    facts_.frames = static_cast<std::int64_t>(seconds * facts_.rate / static_cast<double>(options_.every) + 0.5);
  }
}

void FilmSource::start_ffmpeg() {
  std::vector<std::string> arguments = {"ffmpeg", "-hide_banner", "-nostats", "-loglevel", "level+info"};
  if (options_.start > 0) arguments.insert(arguments.end(), {"-ss", format("%.6f", options_.start)});
  if (options_.duration) arguments.insert(arguments.end(), {"-t", format("%.6f", *options_.duration)});
  const std::vector<std::string> input = input_arguments(address_, options_);
  arguments.insert(arguments.end(), input.begin(), input.end());
  std::string filter;
  if (options_.every > 1) filter = "select=not(mod(n\\," + std::to_string(options_.every) + ")),";
  // Each picture says its own size, and showinfo its time, on stderr; the pipe alone would have neither.
  for (const char* argument : {"-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-vf"}) {
    arguments.push_back(argument);
  }
  arguments.push_back(filter + "showinfo=checksum=0");
  for (const char* argument : {"-f", "image2pipe", "-c:v", "ppm", "pipe:1"}) arguments.push_back(argument);
  decoder_ = std::make_unique<ChildProcess>(
      arguments, ChildProcess::Streams{false, address_.kind == FilmAddress::Kind::standard_input, true, true});
}

void FilmSource::read_messages() {
  std::string line;
  while (decoder_->read_error_line(line)) {
    const std::size_t place = line.find(" pts_time:");
    if (place != std::string::npos && line.find("Parsed_showinfo") != std::string::npos) {
      const char* const number = line.c_str() + place + 10;
      char* end = nullptr;
      const double time = std::strtod(number, &end);
      const std::lock_guard<std::mutex> lock(mutex_);
      times_.push_back(end == number ? -1 : time);
      changed_.notify_all();
    } else if (line.find("[error]") != std::string::npos || line.find("[fatal]") != std::string::npos) {
      complain("ffmpeg: " + line);
    }
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  times_end_ = true;
  changed_.notify_all();
}

void FilmSource::complain(std::string line) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // Of a film that is damaged all over, the first few tell.
  if (!stopped_ && complaints_.size() < 5) complaints_.push_back(std::move(line));
}

/// A picture in the portable pixmap format (https://netpbm.sourceforge.net/doc/ppm.html).
bool FilmSource::read_picture(Image& picture) {
  const auto number = [&](char& after) {
    long value = 0;
    while (decoder_->read(&after, 1) == 1 && after >= '0' && after <= '9') value = value * 10 + (after - '0');
    return value;
  };
  char start[3];
  char after = 0;
  if (decoder_->read(start, 3) != 3 || start[0] != 'P' || start[1] != '6') return false;
  const long width = number(after);
  const long height = number(after);
  const long most = number(after);
  if (width <= 0 || height <= 0 || width > 65536 || height > 65536 || most != 255) return false;
  if (picture.width() != width || picture.height() != height) picture = Image(width, height);
  const auto size = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3;
  return decoder_->read(picture.data(), size) == size;
}

double FilmSource::time_of(std::int64_t index) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return !times_.empty() || times_end_ || stopped_; });
  const double rate = facts_.rate > 0 ? facts_.rate : usual_rate;
  double time = -1;
  if (!times_.empty()) {
    time = times_.front();
    times_.pop_front();
    if (!first_time_) first_time_ = time;
    time = address_.live() ? time - *first_time_ : time + options_.start;
  }
  // Times go on, whatever the film says.
  const double least = index == 0 ? -1e9 : last_time_ + 0.001 / rate;
  if (!std::isfinite(time) || time < least) {
    time = index == 0 ? options_.start : last_time_ + static_cast<double>(options_.every) / rate;
  }
  last_time_ = time;
  return time;
}

bool FilmSource::hand_over(Frame frame) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (options_.latest) {
    if (!frames_.empty()) {
      frames_.clear();
      ++dropped_;
    }
  } else {
    changed_.wait(lock, [&] { return frames_.size() < frames_ahead || stopped_; });
  }
  if (stopped_) return false;
  frames_.push_back(std::move(frame));
  changed_.notify_all();
  return true;
}

void FilmSource::read_film() {
  try {
    for (std::int64_t index = 0;; ++index) {
      Frame frame;
      if (!read_picture(frame.picture)) break;
      frame.number = index * options_.every;
      frame.time = time_of(index);
      if (!hand_over(std::move(frame))) break;
    }
  } catch (const std::exception& error) {
    complain(text_of(error));
  }
  const bool stopped = [this] {
    const std::lock_guard<std::mutex> lock(mutex_);
    return stopped_;
  }();
  decoder_->close_output();
  const int status = decoder_->wait();
  if (messages_.joinable() && status != 0 && !stopped) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return times_end_; });
    if (complaints_.empty()) complaints_.push_back("ffmpeg ended with status " + std::to_string(status));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void FilmSource::read_pictures() {
  for (std::size_t i = 0; i < pictures_.size(); ++i) {
    const double time = static_cast<double>(i) / facts_.rate;
    if (time < options_.start || static_cast<std::int64_t>(i) % options_.every != 0) continue;
    if (options_.duration && time >= options_.start + *options_.duration) break;
    Frame frame;
    frame.number = static_cast<std::int64_t>(i);
    frame.time = time;
    try {
      frame.picture = load_photo(pictures_[i]);
    } catch (const std::exception& error) {
      const std::lock_guard<std::mutex> lock(mutex_);
      complaints_.push_back(text_of(error));
      continue;
    }
    if (!hand_over(std::move(frame))) break;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

std::optional<Frame> FilmSource::next() {
  std::unique_lock<std::mutex> lock(mutex_);
  // An interrupt wakes nobody, and a camera may be silent.
  while (frames_.empty() && !ended_ && interrupted() == 0) changed_.wait_for(lock, std::chrono::milliseconds(50));
  if (frames_.empty()) return std::nullopt;
  Frame frame = std::move(frames_.front());
  frames_.pop_front();
  changed_.notify_all();
  return frame;
}

std::int64_t FilmSource::dropped() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return dropped_;
}

std::vector<std::string> FilmSource::complaints() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return complaints_;
}

}  // namespace limn::program
