/* people_in_photo MODEL DETECTOR PHOTO: limn's C interface from C, through the shared library. Prints the model's name,
 * each person's score and box, and each keypoint's name, x, y and score; then what goes wrong on purpose. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <limn/c.h>

#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

static void check(limn_status status, const limn_error* error) {
  if (status == LIMN_OK) return;
  fprintf(stderr, "%s\n", error->message);
  exit(1);
}

static void print_people(const limn_estimator* estimator, const limn_workspace* workspace) {
  size_t count = 0;
  const limn_person* people = limn_people(workspace, &count);
  for (size_t i = 0; i < count; ++i) {
    const limn_person* person = &people[i];
    printf("person %.4f %.2f %.2f %.2f %.2f\n", (double)person->score, (double)person->box.x, (double)person->box.y,
           (double)person->box.width, (double)person->box.height);
    for (int32_t k = 0; k < limn_keypoint_count(estimator); ++k) {
      const limn_keypoint* keypoint = &person->keypoints[k];
      printf("keypoint %s %.2f %.2f %.4f\n", limn_keypoint_name(estimator, k), (double)keypoint->x, (double)keypoint->y,
             (double)keypoint->score);
    }
  }
}

int main(int argc, char** argv) {
  limn_error error;
  limn_pool* pool = NULL;
  limn_detector* detector = NULL;
  limn_estimator* estimator = NULL;
  limn_workspace* workspace = NULL;
  int width = 0;
  int height = 0;
  int channels = 0;
  if (argc != 4) {
    fprintf(stderr, "usage: people_in_photo MODEL DETECTOR PHOTO\n");
    return 2;
  }
  if (limn_c_version() < LIMN_C_VERSION) return 2;

  check(limn_pool_create(2, &pool, &error), &error);
  limn_detector_options detector_options;
  memset(&detector_options, 0, sizeof detector_options);
  detector_options.struct_size = sizeof detector_options;
  detector_options.pool = pool;
  check(limn_detector_open(argv[2], &detector_options, &detector, &error), &error);
  limn_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.pool = pool;
  options.detector = detector;
  check(limn_estimator_open(argv[1], &options, &estimator, &error), &error);
  limn_detector_free(detector); /* the estimator has what it needs */
  limn_pool_free(pool);
  check(limn_workspace_create(estimator, &workspace, &error), &error);

  uint8_t* pixels = stbi_load(argv[3], &width, &height, &channels, 3);
  if (pixels == NULL) {
    fprintf(stderr, "%s: cannot be read\n", argv[3]);
    return 1;
  }
  const limn_image photo = {pixels, width, height, (ptrdiff_t)width * 3, LIMN_RGB};
  check(limn_estimate_all(estimator, workspace, &photo, &error), &error);
  printf("model %s\n", limn_model_name(estimator));
  print_people(estimator, workspace);

  if (limn_estimator_open("nothing.safetensors", NULL, &estimator, &error) != LIMN_FAILED) return 1;
  printf("error %s\n", error.message);

  stbi_image_free(pixels);
  limn_workspace_free(workspace);
  return 0;
}
