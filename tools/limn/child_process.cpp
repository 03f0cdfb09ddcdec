#include "child_process.hpp"

#include <cerrno>
#include <system_error>

#include <limn/core/error.hpp>

#if defined(_WIN32)

namespace limn::program {

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const Streams&) {
  throw Error(arguments.front() + ": limn cannot start programs on this system");
}
ChildProcess::~ChildProcess() = default;
std::size_t ChildProcess::read(void*, std::size_t) { return 0; }
bool ChildProcess::read_error_line(std::string&) { return false; }
bool ChildProcess::write(const void*, std::size_t) { return false; }
void ChildProcess::close_input() {}
void ChildProcess::close_output() {}
void ChildProcess::stop() {}
int ChildProcess::wait() { return status_; }
void ChildProcess::close(int&) {}

}  // namespace limn::program

#else

#include <csignal>

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace limn::program {

namespace {

Error system_error(const std::string& what, int code) {
  return Error(what + ": " + std::generic_category().message(code));
}

/// Two connected ends that no other child inherits. A pair of sockets, since writing to one whose other end is closed
/// can be an error without being a signal.
void connect(int (&ends)[2], const std::string& program) {
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) throw system_error(program + ": no pipe", errno);
  for (const int end : ends) {
    fcntl(end, F_SETFD, FD_CLOEXEC);
#if defined(SO_NOSIGPIPE)
    const int on = 1;
    setsockopt(end, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  }
}

#if defined(MSG_NOSIGNAL)
constexpr int no_signal = MSG_NOSIGNAL;
#else
constexpr int no_signal = 0;
#endif

/// What posix_spawn wants to know, freed at the end.
struct SpawnSettings {
  SpawnSettings() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &signals);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
};

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const Streams& streams) {
  const std::string& program = arguments.front();
  SpawnSettings settings;
  int theirs[3] = {-1, -1, -1};
  const auto pipe = [&](bool wanted, int stream, int& ours) {
    if (wanted) {
      int ends[2];
      connect(ends, program);
      ours = ends[0];
      theirs[stream] = ends[1];
      posix_spawn_file_actions_adddup2(&settings.files, ends[1], stream);
    } else if (!(stream == 0 && streams.inherit_input)) {
      posix_spawn_file_actions_addopen(&settings.files, stream, "/dev/null", stream == 0 ? O_RDONLY : O_WRONLY, 0);
    }
  };
  int code = 0;
  try {
    pipe(streams.write_input, 0, input_);
    pipe(streams.read_output, 1, output_);
    pipe(streams.read_errors, 2, errors_);
    std::vector<char*> words;
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    pid_t id = -1;
    code = posix_spawnp(&id, program.c_str(), &settings.files, &settings.attributes, words.data(), environ);
    id_ = code == 0 ? id : -1;
  } catch (...) {
    for (int& end : theirs) close(end);
    close(input_);
    close(output_);
    close(errors_);
    throw;
  }
  for (int& end : theirs) close(end);
  if (code == 0) return;
  close(input_);
  close(output_);
  close(errors_);
  if (code == ENOENT) throw Error(program + ": not found on PATH; films and cameras need ffmpeg (https://ffmpeg.org)");
  throw system_error(program + ": cannot be started", code);
}

ChildProcess::~ChildProcess() {
  close(input_);
  close(output_);
  close(errors_);
  stop();
  wait();
}

std::size_t ChildProcess::read(void* data, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = ::read(output_, static_cast<char*>(data) + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

bool ChildProcess::read_error_line(std::string& line) {
  for (;;) {
    const std::size_t end = buffered_.find('\n');
    if (end != std::string::npos) {
      line.assign(buffered_, 0, end);
      buffered_.erase(0, end + 1);
      return true;
    }
    char bytes[4096];
    const ssize_t count = ::read(errors_, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count > 0) {
      buffered_.append(bytes, static_cast<std::size_t>(count));
      continue;
    }
    line.swap(buffered_);
    buffered_.clear();
    return !line.empty();
  }
}

bool ChildProcess::write(const void* data, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = send(input_, static_cast<const char*>(data) + done, size - done, no_signal);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

void ChildProcess::close_input() { close(input_); }

void ChildProcess::close_output() { close(output_); }

void ChildProcess::stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (id_ > 0 && status_ < 0) kill(static_cast<pid_t>(id_), SIGTERM);
}

int ChildProcess::wait() {
  siginfo_t ended;
  while (id_ > 0 && waitid(P_PID, static_cast<id_t>(id_), &ended, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (status_ >= 0 || id_ <= 0) return status_;
  int status = 0;
  if (waitpid(static_cast<pid_t>(id_), &status, 0) < 0) {
    status_ = 127;
  } else {
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return status_;
}

void ChildProcess::close(int& file) {
  if (file >= 0) ::close(file);
  file = -1;
}

}  // namespace limn::program

#endif
