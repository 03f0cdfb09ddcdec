#include "film_sink.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>

#include "pictures.hpp"
#include "text.hpp"

namespace limn::program {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t frames_behind = 4;

std::string lower_extension(const std::string& path) {
  std::string extension = fs::path(path).extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

}  // namespace

bool has_film_extension(const std::string& path) {
  const std::string extension = lower_extension(path);
  for (const char* known : {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".gif"}) {
    if (extension == known) return true;
  }
  return false;
}

FilmSink::FilmSink(const std::string& path, const FilmOrigin& origin)
    : path_(path), origin_(origin), film_(has_film_extension(path)) {
  std::error_code error;
  const fs::path folder = film_ ? fs::path(path).parent_path() : fs::path(path);
  if (!folder.empty()) {
    fs::create_directories(folder, error);
    if (!fs::is_directory(folder, error)) throw Error("-o " + folder.string() + ": cannot make this folder");
  }
  if (film_) {
    if (fs::is_directory(path, error)) throw Error("-o " + path + ": cannot be written: it is a folder");
    fs::path part = path;
    for (int number = 1; part_.empty(); ++number) {
      part.replace_filename(fs::path(path).stem().string() + ".part" + (number > 1 ? std::to_string(number) : "") +
                            fs::path(path).extension().string());
      if (!fs::exists(fs::symlink_status(part, error))) part_ = part.string();
    }
  }
  worker_ = std::thread([this] { work(); });
}

FilmSink::~FilmSink() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    no_more_ = true;
    abandoned_ = true;
  }
  changed_.notify_all();
  if (worker_.joinable()) worker_.join();
  if (encoder_) {
    encoder_->stop();
    encoder_->close_input();
    if (messages_.joinable()) messages_.join();
    encoder_.reset();
    std::error_code ignored;
    fs::remove(part_, ignored);
  }
}

void FilmSink::add(Frame frame) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return frames_.size() < frames_behind || !failure_.empty(); });
  if (!failure_.empty()) throw Error(failure_);
  frames_.push_back(std::move(frame));
  changed_.notify_all();
}

void FilmSink::finish() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    no_more_ = true;
  }
  changed_.notify_all();
  if (worker_.joinable()) worker_.join();
  if (!encoder_) {
    if (!failure_.empty()) throw Error(failure_);
    return;
  }
  encoder_->close_input();
  const int status = encoder_->wait();
  if (messages_.joinable()) messages_.join();
  encoder_.reset();
  if (status != 0 && failure_.empty()) failure_ = why_not();
  std::error_code error;
  if (!failure_.empty()) {
    const bool something = fs::exists(part_, error) && fs::file_size(part_, error) > 0;
    throw Error(failure_ + (something ? "; what was written until then is in " + part_ : ""));
  }
  if (!origin_.audio.empty() && lower_extension(path_) != ".gif") add_sound();
  fs::rename(part_, path_, error);
  if (error) throw Error(path_ + ": cannot be written: " + error.message() + "; the film is " + part_);
}

void FilmSink::add_sound() {
  // Only now is it known how long the film is. The same container takes the sound as it is, another one may not.
  fs::path with_sound = part_;
  with_sound.replace_filename(fs::path(part_).stem().string() + ".sound" + fs::path(part_).extension().string());
  std::error_code error;
  if (fs::exists(fs::symlink_status(with_sound, error))) return;
  for (const bool copy : {true, false}) {
    std::vector<std::string> arguments = {"ffmpeg", "-nostdin", "-loglevel", "quiet", "-i", "file:" + part_};
    if (origin_.start > 0) arguments.insert(arguments.end(), {"-ss", format("%.6f", origin_.start)});
    const std::string seconds = format("%.6f", static_cast<double>(shown_ + 1) / origin_.rate);
    arguments.insert(arguments.end(),
                     {"-t", seconds, "-i", "file:" + origin_.audio, "-map", "0:v", "-map", "1:a", "-c:v", "copy"});
    if (copy) arguments.insert(arguments.end(), {"-c:a", "copy"});
    arguments.push_back("file:" + with_sound.string());
    if (ChildProcess(arguments, {}).wait() == 0) {
      fs::rename(with_sound, part_, error);
      has_sound_ = !error;
      if (has_sound_) return;
    }
    fs::remove(with_sound, error);
  }
}

void FilmSink::work() {
  for (;;) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return !frames_.empty() || no_more_; });
    if (frames_.empty() || abandoned_) break;
    Frame frame = std::move(frames_.front());
    frames_.pop_front();
    changed_.notify_all();
    lock.unlock();
    try {
      write(frame);
    } catch (const std::exception& error) {
      lock.lock();
      failure_ = text_of(error);
      frames_.clear();
      changed_.notify_all();
      return;
    }
  }
  if (abandoned_ || !encoder_) return;
  // The last frame, which nothing follows, is shown for as long as most.
  if (!encoder_->write(last_.data(), static_cast<std::size_t>(last_.width() * last_.height() * 3))) {
    const std::lock_guard<std::mutex> lock(mutex_);
    failure_ = why_not();
  }
}

void FilmSink::write(Frame& frame) {
  if (film_) {
    write_film(frame);
  } else {
    save_picture((fs::path(path_) / format("%09lld.jpg", static_cast<long long>(frame.number))).string(),
                 frame.picture);
  }
  ++written_;
}

void FilmSink::start_ffmpeg(const Image& first) {
  const std::string size = std::to_string(first.width()) + "x" + std::to_string(first.height());
  std::vector<std::string> arguments = {
      "ffmpeg",   "-hide_banner", "-nostats", "-loglevel", "level+error", "-y",         "-f",
      "rawvideo", "-pix_fmt",     "rgb24",    "-s",        size,          "-framerate", format("%.6f", origin_.rate),
      "-i",       "pipe:0"};
  const std::string extension = lower_extension(path_);
  const auto add = [&](const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  };
  // Odd sizes: most players want colours in halves of even ones. A row or column is added, no pixel is moved.
  if (extension == ".gif") {
    add({"-filter_complex", "[0:v]split[a][b];[a]palettegen[p];[b][p]paletteuse"});
  } else {
    add({"-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p"});
  }
  if (extension == ".mp4" || extension == ".mov" || extension == ".m4v") add({"-movflags", "+faststart"});
  add({"file:" + part_});
  encoder_ = std::make_unique<ChildProcess>(arguments, ChildProcess::Streams{true, false, false, true});
  messages_ = std::thread([this] {
    std::string line;
    while (encoder_->read_error_line(line)) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (complaint_.empty()) complaint_ = line;
    }
  });
}

std::string FilmSink::why_not() {
  return path_ + ": cannot be written" + (complaint_.empty() ? ": ffmpeg ended" : ": ffmpeg: " + complaint_);
}

void FilmSink::write_film(Frame& frame) {
  if (!encoder_) {
    start_ffmpeg(frame.picture);
    first_time_ = frame.time;
    last_ = std::move(frame.picture);
    return;
  }
  // Up to this frame's time the one before it is shown: as often as the constant rate has it, which may be never.
  const auto until = static_cast<std::int64_t>(std::llround((frame.time - *first_time_) * origin_.rate));
  const auto size = static_cast<std::size_t>(last_.width() * last_.height() * 3);
  // A film whose times leap is no reason to fill the disk.
  const std::int64_t most = shown_ + static_cast<std::int64_t>(10 * origin_.rate) + 1;
  for (; shown_ < (std::min)(until, most); ++shown_) {
    if (encoder_->write(last_.data(), size)) continue;
    encoder_->close_input();
    if (messages_.joinable()) messages_.join();
    throw Error(why_not());
  }
  if (until > most) {
    first_time_ = frame.time - static_cast<double>(shown_) / origin_.rate;
  }
  Image& picture = frame.picture;
  if (picture.width() == last_.width() && picture.height() == last_.height()) {
    last_ = std::move(picture);
    return;
  }
  std::fill(last_.data(), last_.data() + size, std::uint8_t{0});
  const Index rows = (std::min)(picture.height(), last_.height());
  const auto bytes = static_cast<std::size_t>(3 * (std::min)(picture.width(), last_.width()));
  for (Index y = 0; y < rows; ++y) std::memcpy(last_.pixel(0, y), picture.pixel(0, y), bytes);
}

}  // namespace limn::program
