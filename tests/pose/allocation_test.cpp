// What decoding takes from the heap. operator new is replaced for this whole program.
#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include <limn/pose/part_affinity.hpp>
#include <pose/affinity_scene.hpp>

namespace {

std::atomic<std::size_t> requests{0};

}  // namespace

// GCC takes an inlined malloc or free for one that does not match the other's operator.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

void* operator new(std::size_t size) {
  ++requests;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("a workspace that has seen a fuller photo lets part affinity maps be decoded without the heap") {
  const limn::Skeleton skeleton = scene::body18();
  const auto links = limn::affinity_links(skeleton);
  std::mt19937 random(3);
  const auto placed = scene::random_people(8, 30, 60, 96, 96, skeleton, random);
  REQUIRE(placed.size() == 8);
  const scene::Maps full = scene::draw_maps(placed, skeleton, 96, 96);
  const scene::Maps sparse = scene::draw_maps({placed[0], placed[1]}, skeleton, 96, 96);
  limn::PartAffinityWorkspace workspace;
  std::vector<limn::Peak> people;
  const auto requests_of = [&](const scene::Maps& maps) {
    const std::size_t before = requests;
    limn::decode_part_affinity(maps.confidence_view(), maps.affinity_view(), links, {}, workspace, people);
    return requests - before;
  };
  CHECK(requests_of(full) > 0);  // the counter counts
  CHECK(requests_of(sparse) == 0);
  CHECK(people.size() == 2 * 18);
  CHECK(requests_of(full) == 0);
  CHECK(people.size() == 8 * 18);

  std::vector<limn::Pose> poses;
  limn::make_poses(people, skeleton, limn::Affine(), poses);
  const std::size_t before = requests;
  limn::make_poses(people, skeleton, limn::Affine(), poses);
  CHECK(requests == before);
}
