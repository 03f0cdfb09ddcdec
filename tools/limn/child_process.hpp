// Programs that run beside this one, talked to through pipes. Never through a shell.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

namespace limn::program {

/// A child process in a process group of its own, so that an interrupt on the terminal reaches it only through us.
class ChildProcess {
 public:
  /// What becomes of its standard streams. Those that are not piped are /dev/null, or ours.
  struct Streams {
    bool write_input = false;    ///< write() goes to its stdin
    bool inherit_input = false;  ///< its stdin is ours
    bool read_output = false;    ///< read() takes its stdout
    bool read_errors = false;    ///< read_error_line() takes its stderr
  };

  /// Starts arguments[0], looked for on PATH, with the others. Throws Error if it cannot.
  ChildProcess(const std::vector<std::string>& arguments, const Streams& streams);

  /// Ends it if it still runs.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Reads so many bytes of its stdout, fewer only where it ends. Returns their number.
  std::size_t read(void* data, std::size_t size);

  /// The next line of its stderr without its end; false where there is none any more. May be another thread than
  /// read()'s.
  bool read_error_line(std::string& line);

  /// Writes to its stdin. Returns whether it took all; false if it has closed it.
  bool write(const void* data, std::size_t size);

  /// Tells it that there is no more to be read from stdin.
  void close_input();

  /// Reads no more of its stdout: it ends, or fails, as it writes.
  void close_output();

  /// Asks it to end (SIGTERM). What it still writes can be read. May be called by another thread.
  void stop();

  /// Waits for its end and returns its exit status, 128 and the number of the signal that ended it.
  int wait();

 private:
  void close(int& file);

  std::mutex mutex_;  // of status_: whoever has been waited for must not get a signal
  long id_ = -1;
  int status_ = -1;
  int input_ = -1;
  int output_ = -1;
  int errors_ = -1;
  std::string buffered_;
};

}  // namespace limn::program
