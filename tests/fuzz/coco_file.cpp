// A JSON file in one of COCO's formats, as `limn evaluate` and `limn estimate --boxes` read it.
#include "coco_file.hpp"

#include "boxes.hpp"
#include "scratch_file.hpp"
#include "target.hpp"

void fuzz::read(const std::uint8_t* data, std::size_t size) {
  static const ScratchFile scratch;
  const limn::program::BoxFile boxes(scratch.write(data, size), 0.5, 1);
  for (const char* photo : {"photos/a.jpg", "b.jpg", "COCO_val2014_000000000042.jpg", "7.png"}) boxes.find(photo);
}
