// Looking at many photos at once, and telling the user how it goes.
#pragma once

#include <cstddef>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <limn/core/thread_pool.hpp>
#include <limn/estimator/pose_estimator.hpp>
#include <limn/image/image.hpp>

namespace limn::program {

/// Whether somebody may be looking at how it goes.
bool stderr_is_a_terminal();

/// What there is to say about a photo.
struct PhotoReport {
  std::string error;  ///< why it could not be done; empty if it was
  std::string line;   ///< else this
};

/// Tells the user about photos in their order, as soon as they and all before them are done. Thread-safe.
class Reporter {
 public:
  /// Errors go to stderr, lines to `lines` unless that is null. With `progress`, photos are counted on stderr if that
  /// is a terminal. `in_order` is called for one photo after the other as well.
  Reporter(std::vector<std::string> files, std::FILE* lines, bool progress,
           std::function<void(std::size_t photo)> in_order = nullptr);

  /// Throws what `in_order` does.
  void finished(std::size_t photo, PhotoReport report);

  /// After the last photo: says how many could not be done, if there were several, and returns their number. If an
  /// interrupt came before all were done it says after how many.
  std::size_t finish();

  /// How many there were.
  std::size_t count() const { return count_; }

 private:
  std::vector<std::string> files_;
  std::vector<PhotoReport> reports_;
  std::vector<bool> done_;
  std::FILE* lines_;
  bool progress_;
  std::function<void(std::size_t)> in_order_;
  std::mutex mutex_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  std::size_t failed_ = 0;
};

/// The message of an error without the file's name at its beginning, which is printed before it anyway.
std::string reason_of(const std::exception& error, const std::string& file);

/// Throws Error unless the photo has the size that its boxes were made for; 0 for any.
void check_size(const Image& photo, Index width, Index height);

/// Boxes may reach beyond the photo, but there is nobody in one that lies beside it: throws Error then.
void check_on_photo(const Box& box, const Image& photo);

/// The threads within a photo: several photos are shared out among the command's threads, a single one is shared by
/// them.
std::shared_ptr<const ThreadPool> make_pool(std::size_t photos, int threads);

/// The workspaces of the threads that share_out() uses.
std::vector<PoseEstimator::Workspace> make_workspaces(const PoseEstimator& estimator, std::size_t photos, int threads);

/// Calls `work` for the numbers of `photos`, in any order, by several threads, of which the number is passed as well.
/// What it throws ends all, and is thrown again when the photos begun are done. After an interrupt no photo is begun.
void share_out(std::size_t photos, int threads, const std::function<void(std::size_t photo, std::size_t worker)>& work);

}  // namespace limn::program
