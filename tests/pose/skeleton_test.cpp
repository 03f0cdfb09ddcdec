#include <limn/pose/skeleton.hpp>

#include <doctest/doctest.h>

TEST_CASE("a keypoint is found by its name, an unknown name gives -1") {
  const limn::Skeleton skeleton{{"nose", "left_eye", "right_eye"}, {{0, 1}, {0, 2}}, {{1, 2}}};
  CHECK(skeleton.find("nose") == 0);
  CHECK(skeleton.find("right_eye") == 2);
  CHECK(skeleton.find("tail") == -1);
  CHECK_NOTHROW(limn::check(skeleton));
}

TEST_CASE("a link or flip pair without its keypoint is refused and named") {
  CHECK_THROWS_WITH_AS(limn::check(limn::Skeleton{{"a", "b"}, {{0, 1}, {1, 2}}, {}}),
                       "skeleton: link [1, 2]: expected keypoints 0 to 1", limn::Error);
  CHECK_THROWS_WITH_AS(limn::check(limn::Skeleton{{"a", "b"}, {}, {{-1, 0}}}),
                       "skeleton: flip pair [-1, 0]: expected keypoints 0 to 1", limn::Error);
}
