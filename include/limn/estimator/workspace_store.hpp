#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <limn/core/error.hpp>
#include <limn/core/version.hpp>

namespace limn {
inline namespace LIMN_VERSION_NAMESPACE {
namespace detail {

/// The workspaces that an estimator or detector lends to calls which bring none. Any number of threads may borrow at
/// once.
template <class Workspace>
class WorkspaceStore {
 public:
  /// A workspace out of the store, or a new one from `make_workspace` if all are lent, for as long as this object
  /// lives.
  class Borrowed {
   public:
    template <class MakeWorkspace>
    Borrowed(WorkspaceStore& store, const MakeWorkspace& make_workspace) try : store_(store), workspace_(store.take()) {
      if (!workspace_) workspace_ = std::make_unique<Workspace>(make_workspace());
    } catch (...) {
      rethrow_as_error("workspace");
    }
    ~Borrowed() { store_.put_back(std::move(workspace_)); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    Workspace& operator*() const { return *workspace_; }

   private:
    WorkspaceStore& store_;
    std::unique_ptr<Workspace> workspace_;
  };

 private:
  std::unique_ptr<Workspace> take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<Workspace> workspace = std::move(idle_.back());
    idle_.pop_back();
    return workspace;
  }

  void put_back(std::unique_ptr<Workspace> workspace) noexcept {
    try {
      const std::lock_guard<std::mutex> lock(mutex_);
      idle_.push_back(std::move(workspace));
    } catch (...) {  // then the next call makes a new one
    }
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_;
};

}  // namespace detail
}  // namespace LIMN_VERSION_NAMESPACE
}  // namespace limn
