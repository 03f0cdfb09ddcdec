#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include <limn/engine/simd/kernels.hpp>

using limn::Target;

TEST_CASE("there is a target for every processor, and the best comes first") {
  const std::vector<Target> usable = limn::targets();
  REQUIRE_FALSE(usable.empty());
  CHECK(limn::choose_target() == usable.front());
  for (std::size_t i = 1; i < usable.size(); ++i) {
    CHECK(limn::detail::kernels_of(usable[i - 1]).vector_size >= limn::detail::kernels_of(usable[i]).vector_size);
  }
}

TEST_CASE("a target is chosen, and found by its name") {
  for (const Target target : limn::targets()) {
    CHECK(limn::choose_target(target) == target);
    CHECK(limn::target_named(limn::to_string(target)) == target);
    CHECK(limn::detail::kernels_of(target).panel_rows % limn::detail::kernels_of(target).vector_size == 0);
  }
}

TEST_CASE("a target that this processor does not run is an error that names those it does") {
  const std::vector<Target> usable = limn::targets();
  const char* first = limn::to_string(usable.front());
  for (const Target target :
       {Target::neon, Target::neon_dot, Target::wasm_simd128, Target::sse2, Target::avx2_vnni, Target::avx512_vnni}) {
    if (std::find(usable.begin(), usable.end(), target) != usable.end()) continue;
    CHECK_THROWS_WITH_AS(limn::choose_target(target), doctest::Contains(first), limn::Error);
    CHECK_THROWS_WITH_AS(limn::target_named(limn::to_string(target)), doctest::Contains(first), limn::Error);
  }
  CHECK_THROWS_WITH_AS(limn::target_named("mmx"), doctest::Contains("found mmx"), limn::Error);
}

TEST_CASE("a target with instructions for bytes takes its other kernels from the one without") {
  const std::vector<Target> usable = limn::targets();
  const auto check = [&](Target target, Target base) {
    if (std::find(usable.begin(), usable.end(), target) == usable.end()) return;
    CHECK(std::find(usable.begin(), usable.end(), base) != usable.end());
    CHECK((limn::detail::kernels_of(target).multiply == limn::detail::kernels_of(base).multiply));
    CHECK((limn::detail::kernels_of(target).bytes.multiply != limn::detail::kernels_of(base).bytes.multiply));
  };
  for (const Target target : usable) CHECK(limn::detail::kernels_of(target).target == target);
  check(Target::avx512_vnni, Target::avx512);
  check(Target::avx2_vnni, Target::avx2);
  check(Target::neon_dot, Target::neon);
}

TEST_CASE("tiles are cut so that every pixel is done once, in sizes that are compiled") {
  for (const Target target : limn::targets()) {
    const limn::detail::KernelTable& kernels = limn::detail::kernels_of(target);
    for (limn::Index pixels = 1; pixels <= 64; ++pixels) {
      limn::Index done = 0;
      limn::Index tiles = 0;
      for (; done < pixels; ++tiles) {
        const limn::Index tile = kernels.next_tile(pixels - done);
        CHECK((tile == kernels.tile_pixels || (tile == 8 && kernels.tile_pixels > 8) || tile == 4 || tile == 2 ||
               tile == 1));
        done += tile;
      }
      CHECK(done == pixels);
      CHECK(kernels.count_tiles(pixels) == tiles);
    }
  }
}
