#include "batch_work.hpp"

#include <optional>
#include <utility>

#include <limn/core/error.hpp>
#include <limn/image/io.hpp>
#include <limn/pose/pose_json.hpp>

#include "interrupt.hpp"
#include "photo_work.hpp"
#include "text.hpp"

namespace limn::program {

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

// Enough people to fill the network's runs, and no more photos in memory than that takes.
constexpr std::size_t photos_at_once = 8;
constexpr std::size_t most_bytes_decoded = std::size_t{1} << 26;
// What is read ahead: the threads must not wait for a disk or a network.
constexpr std::size_t most_read = 32;
constexpr std::size_t most_bytes_read = std::size_t{1} << 26;
constexpr std::size_t most_in_order = 1024;

/// Adds the seconds until it goes to a sum.
class Stopwatch {
 public:
  explicit Stopwatch(double& sum) : sum_(sum), start_(Clock::now()) {}
  ~Stopwatch() { sum_ += std::chrono::duration<double>(Clock::now() - start_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& sum_;
  Clock::time_point start_;
};

std::size_t bytes_of(const Image& photo) { return static_cast<std::size_t>(photo.width() * photo.height() * 3); }

}  // namespace

struct BatchWork::Worker {
  explicit Worker(const BatchNetworks& networks) : estimator(networks.estimator.make_workspace()) {
    if (networks.detector != nullptr) detector.emplace(networks.detector->make_workspace());
  }

  PoseEstimator::Workspace estimator;
  std::optional<PersonDetector::Workspace> detector;
  std::vector<BoxInPhoto> people;
  std::vector<Pose> poses;
  BatchTimes times;
};

BatchWork::BatchWork(const BatchNetworks& networks, int threads)
    : networks_(networks), progress_(stderr_is_a_terminal()) {
  for (int i = 0; i < threads; ++i) workers_.push_back(std::make_unique<Worker>(networks_));
  try {
    for (const auto& worker : workers_) {
      threads_.emplace_back([this, &own = *worker] {
        try {
          work(own);
        } catch (...) {
          const Lock lock(mutex_);
          failure_ = std::current_exception();
          changed_.notify_all();
        }
      });
    }
  } catch (const std::exception&) {
    // The system starts no more: those that there are do the work.
    if (threads_.empty()) throw Error("batch: the system starts no thread");
  }
}

BatchWork::~BatchWork() {
  {
    const Lock lock(mutex_);
    closed_ = true;
    read_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void BatchWork::add(BatchTask task) {
  Lock lock(mutex_);
  changed_.wait(lock, [this] {
    const bool room = read_.size() < most_read && bytes_read_ < most_bytes_read && order_.size() < most_in_order;
    return room || failure_ || interrupted() != 0;
  });
  if (failure_) return;
  order_.push_back(std::make_unique<BatchTask>(std::move(task)));
  BatchTask& added = *order_.back();
  if (added.line.empty() && !added.item.error.empty()) refuse(added, added.item.error);
  if (added.last || !added.line.empty()) {
    added.done = true;
  } else {
    bytes_read_ += added.item.bytes.size();
    read_.push_back(&added);
  }
  lock.unlock();
  changed_.notify_all();
}

bool BatchWork::failed() {
  const Lock lock(mutex_);
  return failure_ != nullptr;
}

void BatchWork::finish() {
  {
    const Lock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  if (progress_) std::fprintf(stderr, "\r\033[K");
  if (failure_) std::rethrow_exception(failure_);
}

BatchTimes BatchWork::times() const {
  BatchTimes all;
  for (const auto& worker : workers_) {
    all.decode += worker->times.decode;
    all.detect += worker->times.detect;
    all.pose += worker->times.pose;
    all.json += worker->times.json;
    all.write += worker->times.write;
    all.wait += worker->times.wait;
  }
  return all;
}

bool BatchWork::has_group() const {
  return decoded_.size() >= photos_at_once || bytes_decoded_ >= most_bytes_decoded ||
         (!decoded_.empty() && read_.empty());  // more may come late: nobody waits for it
}

BatchWork::Group BatchWork::take_group() {
  Group group;
  while (!decoded_.empty() && group.size() < photos_at_once) {
    bytes_decoded_ -= bytes_of(decoded_.front()->photo);
    group.push_back(decoded_.front());
    decoded_.pop_front();
  }
  return group;
}

void BatchWork::work(Worker& worker) {
  Lock lock(mutex_);
  for (;;) {
    if (failure_) return;
    if (interrupted() != 0) read_.clear();  // the last in their order, so that what was begun can be written
    write_done(lock, worker);
    if (has_group()) {
      const Group group = take_group();
      lock.unlock();
      estimate(group, worker);
      lock.lock();
      for (BatchTask* const task : group) task->done = true;
    } else if (!read_.empty()) {
      BatchTask& task = *read_.front();
      read_.pop_front();
      bytes_read_ -= task.item.bytes.size();
      lock.unlock();
      decode(task, worker);
      lock.lock();
      if (task.line.empty()) {
        bytes_decoded_ += bytes_of(task.photo);
        decoded_.push_back(&task);
      } else {
        task.done = true;
      }
    } else if (closed_) {
      return;
    } else {
      const Stopwatch stopwatch(worker.times.wait);
      changed_.wait(lock);
      continue;
    }
    changed_.notify_all();
  }
}

void BatchWork::decode(BatchTask& task, Worker& worker) const {
  const Stopwatch stopwatch(worker.times.decode);
  try {
    task.photo = decode_image(task.item.bytes.data(), task.item.bytes.size(), task.item.name);
    task.item.bytes = {};
    for (const Box& box : task.item.boxes.value_or(std::vector<Box>())) check_on_photo(box, task.photo);
  } catch (const std::exception& error) {
    refuse(task, reason_of(error, task.item.name));
  }
}

void BatchWork::estimate(const Group& group, Worker& worker) const {
  try {
    if (networks_.estimator.finds_several()) {
      for (BatchTask* const task : group) estimate_several(*task, worker);
    } else {
      estimate_together(group, worker);
    }
  } catch (const std::exception& error) {
    if (group.size() == 1) {
      refuse(*group.front(), reason_of(error, group.front()->item.name));
      return;
    }
    for (BatchTask* const task : group) estimate({task}, worker);  // which of them it was is still to be found out
  }
}

void BatchWork::estimate_several(BatchTask& task, Worker& worker) const {
  {
    const Stopwatch stopwatch(worker.times.pose);
    if (task.item.boxes) {
      networks_.estimator.estimate(task.photo, *task.item.boxes, worker.estimator, worker.poses);
    } else {
      networks_.estimator.estimate_all(task.photo, worker.estimator, worker.poses);
    }
  }
  answer(task, worker.poses.data(), worker.poses.size(), {}, worker);
}

void BatchWork::estimate_together(const Group& group, Worker& worker) const {
  std::vector<std::vector<Detection>> found(group.size());
  std::vector<std::size_t> counts;
  worker.people.clear();
  for (std::size_t i = 0; i < group.size(); ++i) {
    const BatchTask& task = *group[i];
    const std::size_t before = worker.people.size();
    if (task.item.boxes) {
      for (const Box& box : *task.item.boxes) worker.people.push_back({task.photo, box});
    } else if (networks_.detector != nullptr) {
      const Stopwatch stopwatch(worker.times.detect);
      networks_.detector->detect(task.photo, *worker.detector, found[i]);
      for (const Detection& person : found[i]) worker.people.push_back({task.photo, person.box});
    } else {
      worker.people.push_back({task.photo, box_of(task.photo)});
    }
    counts.push_back(worker.people.size() - before);
  }
  {
    const Stopwatch stopwatch(worker.times.pose);
    networks_.estimator.estimate(worker.people, worker.estimator, worker.poses);
  }
  const Pose* poses = worker.poses.data();
  for (std::size_t i = 0; i < group.size(); ++i) {
    answer(*group[i], poses, counts[i], found[i], worker);
    poses += counts[i];
  }
}

void BatchWork::answer(BatchTask& task, const Pose* poses, std::size_t count, const std::vector<Detection>& found,
                       Worker& worker) const {
  const Stopwatch stopwatch(worker.times.json);
  Json json = {{"key", task.item.key}, {"status", "ok"}};
  json["width"] = task.photo.width();
  json["height"] = task.photo.height();
  json["people"] = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    json["people"].push_back(to_json(poses[i]));
    if (i < found.size()) {
      json["people"].back()["box_score"] = detail::rounded(static_cast<double>(found[i].score), 4);
    }
  }
  json.update(networks_.identity);
  task.line = text_of(json) + "\n";
  task.people = count;
  task.photo = Image();
}

void BatchWork::refuse(BatchTask& task, const std::string& reason) const {
  Json json = {{"key", task.item.key}, {"status", "error"}, {"error", reason}};
  json.update(networks_.identity);
  task.line = text_of(json) + "\n";
  task.item.error = reason;
  task.photo = Image();
}

void BatchWork::write_done(Lock& lock, Worker& worker) {
  if (writing_) return;
  writing_ = true;
  const Stopwatch stopwatch(worker.times.write);
  while (!failure_ && !order_.empty() && order_.front()->done) {
    const std::unique_ptr<BatchTask> task = std::move(order_.front());
    order_.pop_front();
    lock.unlock();
    try {
      write(*task);
      lock.lock();
    } catch (...) {
      lock.lock();
      failure_ = std::current_exception();
    }
    changed_.notify_all();
  }
  writing_ = false;
}

void BatchWork::write(const BatchTask& task) {
  if (task.last) {
    task.unit->finish();
    return;
  }
  task.unit->write(task.line);
  ++counts_.photos;
  counts_.people += static_cast<std::int64_t>(task.people);
  counts_.old += task.old ? 1 : 0;
  if (progress_) show_progress();
  if (task.item.error.empty()) return;
  ++counts_.failed;
  std::fprintf(stderr, "%slimn: %s: %s\n", progress_ ? "\r\033[K" : "", printable(task.item.name).c_str(),
               printable(task.item.error).c_str());
}

void BatchWork::show_progress() {
  constexpr std::chrono::milliseconds pause(200);
  const auto now = Clock::now();
  if (now - shown_ < pause) return;
  shown_ = now;
  std::fprintf(stderr, "\r\033[K%s", count_of(static_cast<std::size_t>(counts_.photos), "photo", "photos").c_str());
}

}  // namespace limn::program
