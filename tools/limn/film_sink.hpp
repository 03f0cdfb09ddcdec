// Where the frames of a film go once they are drawn on: another film, or a folder of pictures.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <limn/image/image.hpp>

#include "child_process.hpp"
#include "film_source.hpp"

namespace limn::program {

/// What a new film takes from the one that it is made of.
struct FilmOrigin {
  double rate = 30;   ///< frames a second
  std::string audio;  ///< the film whose sound is copied, empty for none
  double start = 0;   ///< second of it at which it begins
};

/// Writes frames in a thread of its own. A name with the ending of a film is encoded by ffmpeg, at a constant rate, so
/// that any player shows each frame at its time: beside the name, and put in its place at the end. Any other name is a
/// folder, and each frame a JPEG file in it, named by the frame's number.
class FilmSink {
 public:
  /// Throws Error if it cannot be written.
  FilmSink(const std::string& path, const FilmOrigin& origin);

  /// What is not finished by now is removed.
  ~FilmSink();
  FilmSink(const FilmSink&) = delete;
  FilmSink& operator=(const FilmSink&) = delete;

  /// Adds the next frame, which has its picture and its time. A film's frames are brought to the first one's size by
  /// cutting them off and filling up. Throws Error if what came before could not be written.
  void add(Frame frame);

  /// Writes what is left and puts the film in its place. Throws Error if it cannot; what is there then stays, under the
  /// name that the message gives.
  void finish();

  std::int64_t frames_written() const { return written_; }

  /// After finish(): whether the sound that there was to be copied is in the film.
  bool has_sound() const { return has_sound_; }

 private:
  void start_ffmpeg(const Image& first);
  void work();
  void write(Frame& frame);
  void write_film(Frame& frame);
  std::string why_not();
  void add_sound();

  std::string path_;
  std::string part_;  // what a film is called until it is finished
  FilmOrigin origin_;
  bool film_;
  std::unique_ptr<ChildProcess> encoder_;
  Image last_;              // the frame that is shown until the next one's time
  std::int64_t shown_ = 0;  // times that a picture was written to the film
  std::optional<double> first_time_;
  std::int64_t written_ = 0;
  bool has_sound_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Frame> frames_;
  std::string failure_;
  std::string complaint_;
  bool no_more_ = false;
  bool abandoned_ = false;
  std::thread messages_;
  std::thread worker_;
};

/// Whether a name has the ending of a film that can be written.
bool has_film_extension(const std::string& path);

}  // namespace limn::program
