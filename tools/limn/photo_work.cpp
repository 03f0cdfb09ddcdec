#include "photo_work.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

#include <limn/core/error.hpp>
#include <limn/pose/geometry.hpp>

#include "interrupt.hpp"
#include "text.hpp"

namespace limn::program {

namespace {

std::size_t workers_for(std::size_t photos, int threads) {
  return (std::min)(photos, static_cast<std::size_t>(threads));
}

}  // namespace

bool stderr_is_a_terminal() {
#if defined(_WIN32)
  return _isatty(_fileno(stderr)) != 0;
#else
  return isatty(fileno(stderr)) != 0;
#endif
}

Reporter::Reporter(std::vector<std::string> files, std::FILE* lines, bool progress,
                   std::function<void(std::size_t)> in_order)
    : files_(std::move(files)),
      reports_(files_.size()),
      done_(files_.size(), false),
      lines_(lines),
      progress_(progress && files_.size() > 1 && stderr_is_a_terminal()),
      in_order_(std::move(in_order)) {}

void Reporter::finished(std::size_t photo, PhotoReport report) {
  const std::lock_guard<std::mutex> lock(mutex_);
  reports_[photo] = std::move(report);
  done_[photo] = true;
  ++count_;
  if (progress_) std::fprintf(stderr, "\r\033[K");  // the lines take the place of the progress
  for (; next_ < files_.size() && done_[next_]; ++next_) {
    const PhotoReport& next = reports_[next_];
    if (in_order_) in_order_(next_);
    if (!next.error.empty()) {
      ++failed_;
      std::fprintf(stderr, "limn: %s: %s\n", printable(files_[next_]).c_str(), printable(next.error).c_str());
    } else if (lines_ != nullptr) {
      std::fprintf(lines_, "%s\n", printable(next.line).c_str());
      std::fflush(lines_);
    }
  }
  if (progress_ && count_ < files_.size()) std::fprintf(stderr, "%zu/%zu", count_, files_.size());
}

std::size_t Reporter::finish() {
  if (interrupted() != 0 && count_ < files_.size()) {
    std::fprintf(stderr, "limn: interrupted after %zu of %zu photos\n", count_, files_.size());
  }
  if (failed_ > 0 && files_.size() > 1) {
    std::fprintf(stderr, "limn: %zu of %zu photos could not be done\n", failed_, files_.size());
  }
  return failed_;
}

std::string reason_of(const std::exception& error, const std::string& file) {
  const std::string message = text_of(error);
  const std::string prefix = file + ": ";
  return message.compare(0, prefix.size(), prefix) == 0 ? message.substr(prefix.size()) : message;
}

void check_size(const Image& photo, Index width, Index height) {
  if ((width == 0 || width == photo.width()) && (height == 0 || height == photo.height())) return;
  throw Error("its boxes are for a photo of " + std::to_string(width) + "x" + std::to_string(height) +
              " pixels, found " + std::to_string(photo.width()) + "x" + std::to_string(photo.height()));
}

void check_on_photo(const Box& box, const Image& photo) {
  const bool beside = box.x + box.width <= 0 || box.y + box.height <= 0 || box.x >= static_cast<float>(photo.width()) ||
                      box.y >= static_cast<float>(photo.height());
  if (beside) {
    throw Error("box " + to_string(box) + ": lies outside of the photo of " + std::to_string(photo.width()) + "x" +
                std::to_string(photo.height()) + " pixels");
  }
}

std::shared_ptr<const ThreadPool> make_pool(std::size_t photos, int threads) {
  return std::make_shared<const ThreadPool>(photos == 1 ? threads : 1);
}

std::vector<PoseEstimator::Workspace> make_workspaces(const PoseEstimator& estimator, std::size_t photos, int threads) {
  std::vector<PoseEstimator::Workspace> workspaces;
  for (std::size_t i = 0; i < workers_for(photos, threads); ++i) workspaces.push_back(estimator.make_workspace());
  return workspaces;
}

void share_out(std::size_t photos, int threads, const std::function<void(std::size_t, std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&](std::size_t worker) {
    try {
      while (interrupted() == 0) {
        const std::size_t i = next.fetch_add(1);
        if (i >= photos) return;
        work(i, worker);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!failure) failure = std::current_exception();
      next = photos;
    }
  };
  std::vector<std::thread> others;
  try {
    for (std::size_t i = 1; i < workers_for(photos, threads); ++i) others.emplace_back(run, i);
  } catch (const std::exception&) {
    // The system starts no more, or has no memory for them: those that there are do the work.
  }
  run(0);
  for (std::thread& other : others) other.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace limn::program
