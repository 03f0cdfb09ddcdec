// The frames of a film, a camera or a row of pictures.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <limn/image/image.hpp>

#include "child_process.hpp"
#include "film_address.hpp"

namespace limn::program {

struct FilmSourceOptions {
  double start = 0;                ///< seconds to leave out at the beginning
  std::optional<double> duration;  ///< seconds to read
  double rate = 0;                 ///< frames a second: pictures' (0: 30), and what a camera is asked for (0: its own)
  std::int64_t every = 1;          ///< takes every so many frames only
  bool latest = false;             ///< drops frames rather than to lag
};

/// What is known of a film before it is read; 0 for what is not.
struct FilmFacts {
  double rate = 0;          ///< frames a second
  double duration = 0;      ///< seconds
  std::int64_t frames = 0;  ///< about
  bool has_audio = false;
};

struct Frame {
  Image picture;
  std::int64_t number = 0;  ///< from 0, of those of the film from `start` on
  double time = 0;          ///< seconds from the film's beginning; a camera's from its first frame
};

/// Reads frames ahead in a thread of its own. Films are decoded by ffmpeg, which turns them as they are to be shown,
/// whatever their colours; the sizes of frames are those that come.
class FilmSource {
 public:
  /// Throws Error if there is nothing to be read, or no ffmpeg for what needs it.
  FilmSource(const FilmAddress& address, const FilmSourceOptions& options);
  ~FilmSource();
  FilmSource(const FilmSource&) = delete;
  FilmSource& operator=(const FilmSource&) = delete;

  const FilmFacts& facts() const { return facts_; }

  /// The next frame; nothing at the end, or after an interrupt. Waits for it.
  std::optional<Frame> next();

  /// Frames that were left out because they came faster than they were taken.
  std::int64_t dropped();

  /// After the end: what was wrong with the film, empty if nothing. One line for each picture that could not be read.
  std::vector<std::string> complaints();

 private:
  void probe();
  void start_ffmpeg();
  void read_pictures();
  void read_film();
  void read_messages();
  bool read_picture(Image& picture);
  double time_of(std::int64_t index);
  bool hand_over(Frame frame);
  void complain(std::string line);

  FilmAddress address_;
  FilmSourceOptions options_;
  FilmFacts facts_;
  std::vector<std::string> pictures_;
  std::unique_ptr<ChildProcess> decoder_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Frame> frames_;
  std::deque<double> times_;  // of frames that are being decoded
  bool times_end_ = false;
  bool ended_ = false;
  bool stopped_ = false;
  std::int64_t dropped_ = 0;
  std::vector<std::string> complaints_;
  double last_time_ = 0;
  std::optional<double> first_time_;

  std::thread messages_;
  std::thread reader_;
};

}  // namespace limn::program
