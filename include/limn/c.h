/** @file
 * limn's C interface: everybody in a picture and their poses, from C or any language that calls C.
 *
 * It is in the library limn::compiled and in the shared library limn_shared; cmake/c_interface.cpp is both's source.
 *
 *     limn_error error;
 *     limn_detector* detector;
 *     limn_estimator* estimator;
 *     limn_workspace* workspace;
 *     if (limn_detector_open("detector.safetensors", NULL, &detector, &error) != LIMN_OK) ...error.message...
 *     limn_options options = {0};
 *     options.struct_size = sizeof options;
 *     options.detector = detector;
 *     if (limn_estimator_open("model.safetensors", &options, &estimator, &error) != LIMN_OK) ...
 *     if (limn_workspace_create(estimator, &workspace, &error) != LIMN_OK) ...
 *     limn_image photo = {pixels, width, height, row_stride, LIMN_RGB};
 *     if (limn_estimate_all(estimator, workspace, &photo, &error) != LIMN_OK) ...
 *     size_t count;
 *     const limn_person* people = limn_people(workspace, &count);
 *
 * Functions that can fail return LIMN_OK or LIMN_FAILED and then leave one sentence in `error`, which may be NULL, and
 * NULL in what they should have made. No C++ exception leaves them, and nothing is global: any thread may call any
 * function, an estimator or detector may be used by many threads at once, a workspace by one at a time.
 *
 * Structs that the caller fills in begin with their size, so that later versions can add members at their end: set
 * struct_size to sizeof and all else to 0, which always stands for what is usual. Later versions add functions and
 * members; LIMN_C_VERSION grows with them, and what is here keeps its meaning.
 */
#ifndef LIMN_C_H
#define LIMN_C_H

#include <stddef.h>
#include <stdint.h>

#ifndef LIMN_API
#if defined(_WIN32) && defined(LIMN_SHARED_BUILD)
#define LIMN_API __declspec(dllexport)
#elif defined(_WIN32) && defined(LIMN_SHARED)
#define LIMN_API __declspec(dllimport)
#elif defined(__GNUC__)
#define LIMN_API __attribute__((visibility("default")))
#else
#define LIMN_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this interface that the header describes. */
#define LIMN_C_VERSION 2

/** The version of the interface that the library has: at least LIMN_C_VERSION of the header that it is called by. */
LIMN_API int32_t limn_c_version(void);

/** The library's version, such as "0.1.0". */
LIMN_API const char* limn_version(void);

/** What functions that can fail return. */
typedef enum limn_status { LIMN_OK = 0, LIMN_FAILED = 1 } limn_status;

/** Why a call failed: one sentence that names the file, tensor or argument, what was expected and what was found.
 * UTF-8, cut off where it is longer. Empty after a call that did not fail. */
typedef struct limn_error {
  char message[1024]; /**< ends with 0 */
} limn_error;

/** Order of the bytes of one pixel. Alpha is ignored on reading, and left alone on drawing. */
typedef enum limn_pixel_format {
  LIMN_RGB = 0,
  LIMN_BGR = 1,
  LIMN_RGBA = 2,
  LIMN_BGRA = 3,
  LIMN_GRAY = 4
} limn_pixel_format;

/** An 8-bit picture in the caller's memory, read where it lies. Row y begins at data + y * row_stride; row_stride is in
 * bytes and may be larger than the row, or negative (bottom-up pictures). */
typedef struct limn_image {
  const uint8_t* data;  /**< the first byte of row 0 */
  int32_t width;        /**< pixels */
  int32_t height;       /**< pixels */
  ptrdiff_t row_stride; /**< bytes */
  int32_t format;       /**< limn_pixel_format */
} limn_image;

/** The same to be drawn on. */
typedef struct limn_canvas {
  uint8_t* data;        /**< the first byte of row 0 */
  int32_t width;        /**< pixels */
  int32_t height;       /**< pixels */
  ptrdiff_t row_stride; /**< bytes */
  int32_t format;       /**< limn_pixel_format */
} limn_canvas;

/** Photo pixels: x and y are the left top corner, right and down. It may reach beyond the photo. */
typedef struct limn_box {
  float x;      /**< left edge */
  float y;      /**< upper edge */
  float width;  /**< to the right */
  float height; /**< down */
} limn_box;

/** Photo pixels, right and down, whole numbers being pixel centres; the maximum of its heatmap: larger is surer, but it
 * is not a probability. */
typedef struct limn_keypoint {
  float x;     /**< photo pixels, to the right */
  float y;     /**< photo pixels, down */
  float score; /**< maximum of the heatmap */
} limn_keypoint;

/** One person: all keypoints of the model's skeleton, where they were looked for, and how sure they are. */
typedef struct limn_person {
  const limn_keypoint* keypoints; /**< limn_keypoint_count() of them, in the order of the model's */
  limn_box box;                   /**< where they were looked for */
  float score;                    /**< the mean of the keypoints' */
} limn_person;

/** One person whom a detector found. */
typedef struct limn_detection {
  limn_box box; /**< photo pixels */
  float score;  /**< 0 to 1: larger is surer, but it is not a probability */
} limn_detection;

/** One model file's network, ready to run. */
typedef struct limn_estimator limn_estimator;

/** The same of a person detector. */
typedef struct limn_detector limn_detector;

/** Threads that several estimators and detectors share, so that together they do not start more. */
typedef struct limn_pool limn_pool;

/** The memory of one estimate and what it found. */
typedef struct limn_workspace limn_workspace;

/** What is known of the people in one film. */
typedef struct limn_video limn_video;

/** A picture that limn made. */
typedef struct limn_picture limn_picture;

/** What may be decided about a person detector beyond what its model file says. */
typedef struct limn_detector_options {
  size_t struct_size;    /**< sizeof of this struct */
  int32_t threads;       /**< that share the work of one photo; 0 or 1: none is started */
  int32_t input_width;   /**< of the network's input, multiples of 32 pixels; 0: the file's */
  int32_t input_height;  /**< likewise */
  float threshold;       /**< least score of a detection, up to 1; 0: the file's */
  int64_t max_memory;    /**< the most bytes that weights and a workspace may take; 0: 8 GiB */
  const char* target;    /**< the instruction set, "avx2" for example; NULL: the best that the processor has */
  const limn_pool* pool; /**< to share; NULL: one of its own, of `threads` */
} limn_detector_options;

/** What may be decided about an estimator beyond what its model file says. */
typedef struct limn_options {
  size_t struct_size;   /**< sizeof of this struct */
  int32_t threads;      /**< that share the work of one photo; 0 or 1: none is started */
  int32_t input_width;  /**< of the network's input, multiples of 32 pixels; 0: the file's */
  int32_t input_height; /**< likewise */
  int32_t batch;        /**< people that the network looks at in one run; 0: 1 */
  int32_t flip;         /**< not 0: the flip test, the mean of the photo's heatmaps and its mirror image's */
  int32_t flip_shift; /**< not 0: with it, what was mirrored back moves by one cell, as in published numbers of HRNet */
  double crop; /**< what lies outside of the box so many times as large is black; 0: as the file says, below 0: all
                  is seen */
  int64_t max_memory;            /**< the most bytes that weights and a workspace may take; 0: 8 GiB */
  const char* target;            /**< the instruction set, "avx2" for example; NULL: the best that the processor has */
  const limn_pool* pool;         /**< to share; NULL: one of its own, of `threads` */
  const limn_detector* detector; /**< for limn_estimate_all(); the estimator keeps what it needs of it */
} limn_options;

/** How people are drawn. Sizes and colours that are not here are the usual ones. */
typedef struct limn_draw_options {
  size_t struct_size;    /**< sizeof of this struct */
  float threshold;       /**< keypoints with a lower score are left out; 0: the model's, below 0: all that were found */
  int32_t box;           /**< not 0: people's boxes too */
  double keypoint_scale; /**< radius of a keypoint as a share of the picture's longer side; 0: 0.008 */
  double link_scale;     /**< thickness of a link, likewise; 0: 0.007 */
  double alpha;          /**< opacity of the whole drawing, up to 1; 0: 1 */
} limn_draw_options;

/** How people are followed through a film. */
typedef struct limn_video_options {
  size_t struct_size;      /**< sizeof of this struct */
  int32_t detect_every;    /**< the detector looks at every so many frames, and after somebody came or went; 0: 5 */
  int32_t unsmoothed;      /**< not 0: poses are as they are found */
  double memory;           /**< seconds for which somebody who is not seen is remembered; 0: 1 */
  double smoothing_cutoff; /**< Hz below which somebody at rest is followed; lower is calmer; 0: 0.5 */
  double smoothing_beta;   /**< by how many Hz that rises for each size of the person a second; 0: 4 */
} limn_video_options;

/** Heatmaps where they lie: keypoint k's value at cell (x, y) is
 * values[k * keypoint_stride + y * row_stride + x * pixel_stride]; the cell stands for the photo's pixel
 * (m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]), m being photo_from_heatmap. */
typedef struct limn_heatmaps {
  const float* values;          /**< value of keypoint 0 at cell (0, 0) */
  int32_t keypoints;            /**< heatmaps */
  int32_t height;               /**< cells */
  int32_t width;                /**< cells */
  ptrdiff_t keypoint_stride;    /**< floats */
  ptrdiff_t row_stride;         /**< floats */
  ptrdiff_t pixel_stride;       /**< floats */
  double photo_from_heatmap[6]; /**< the affine map from cells to photo pixels */
} limn_heatmaps;

/** Starts `threads` - 1 threads, the caller of an estimate being one more. What uses the pool keeps it: it may be freed
 * at once. */
LIMN_API limn_status limn_pool_create(int32_t threads, limn_pool** pool, limn_error* error);

/** NULL is allowed. */
LIMN_API void limn_pool_free(limn_pool* pool);

/** What a model file is for. */
typedef enum limn_model_kind {
  LIMN_ONE_PERSON = 0,     /**< limn_estimator_open(): the pose of the person in a box */
  LIMN_SEVERAL_PEOPLE = 1, /**< limn_estimator_open(): everybody's poses, without a detector */
  LIMN_PERSON_DETECTOR = 2 /**< limn_detector_open() */
} limn_model_kind;

/** What the model file is for, by which it is known how to open it. */
LIMN_API limn_status limn_kind_of_file(const char* file, limn_model_kind* kind, limn_error* error);

/** The same from bytes; `name` stands for the file in messages. */
LIMN_API limn_status limn_kind_of_bytes(const void* data, size_t size, const char* name, limn_model_kind* kind,
                                        limn_error* error);

/** Opens a person detector's model file; NULL for the usual options. Free it with limn_detector_free(). */
LIMN_API limn_status limn_detector_open(const char* file, const limn_detector_options* options,
                                        limn_detector** detector, limn_error* error);

/** The same from bytes, which are not needed any more afterwards; `name` stands for the file in messages. */
LIMN_API limn_status limn_detector_from_bytes(const void* data, size_t size, const char* name,
                                              const limn_detector_options* options, limn_detector** detector,
                                              limn_error* error);

/** NULL is allowed. */
LIMN_API void limn_detector_free(limn_detector* detector);

/** What the model is called, valid as long as the detector. */
LIMN_API const char* limn_detector_name(const limn_detector* detector);

/** The least score of a detection. */
LIMN_API float limn_detector_threshold(const limn_detector* detector);

/** Everybody in the photo, the surest first: the first `capacity` are written to `detections`, and `count` is how many
 * there are in all. */
LIMN_API limn_status limn_detect(const limn_detector* detector, const limn_image* photo, limn_detection* detections,
                                 size_t capacity, size_t* count, limn_error* error);

/** Opens a model file, of one person or several; NULL for the usual options. Free it with limn_estimator_free(). */
LIMN_API limn_status limn_estimator_open(const char* file, const limn_options* options, limn_estimator** estimator,
                                         limn_error* error);

/** The same from bytes, which are not needed any more afterwards; `name` stands for the file in messages. */
LIMN_API limn_status limn_estimator_from_bytes(const void* data, size_t size, const char* name,
                                               const limn_options* options, limn_estimator** estimator,
                                               limn_error* error);

/** NULL is allowed. */
LIMN_API void limn_estimator_free(limn_estimator* estimator);

/** What the model is called, valid as long as the estimator. */
LIMN_API const char* limn_model_name(const limn_estimator* estimator);

/** The instruction set that it runs on, valid likewise. */
LIMN_API const char* limn_target(const limn_estimator* estimator);

/** Whether the model finds several people by itself (1), or looks into one box at a time (0). */
LIMN_API int32_t limn_finds_several(const limn_estimator* estimator);

/** The score from which on the model's keypoints are worth drawing. */
LIMN_API float limn_draw_threshold(const limn_estimator* estimator);

/** Keypoints of the skeleton, numbered from 0. */
LIMN_API int32_t limn_keypoint_count(const limn_estimator* estimator);

/** A name such as "left_knee", valid as long as the estimator; NULL if there is no keypoint of that number. */
LIMN_API const char* limn_keypoint_name(const limn_estimator* estimator, int32_t keypoint);

/** Links of the skeleton, numbered from 0. */
LIMN_API int32_t limn_link_count(const limn_estimator* estimator);

/** The keypoints that a link joins; LIMN_FAILED if there is no link of that number. */
LIMN_API limn_status limn_link(const limn_estimator* estimator, int32_t link, int32_t* first, int32_t* second);

/** Memory for one thread's estimates. It may outlive its estimator, for reading. */
LIMN_API limn_status limn_workspace_create(const limn_estimator* estimator, limn_workspace** workspace,
                                           limn_error* error);

/** NULL is allowed. */
LIMN_API void limn_workspace_free(limn_workspace* workspace);

/** Finds everybody in the photo: those whom the options' detector finds, or the model by itself. A model of one person
 * without a detector takes the photo for one person's box. */
LIMN_API limn_status limn_estimate_all(const limn_estimator* estimator, limn_workspace* workspace,
                                       const limn_image* photo, limn_error* error);

/** The pose of the person in each box, in their order. */
LIMN_API limn_status limn_estimate_boxes(const limn_estimator* estimator, limn_workspace* workspace,
                                         const limn_image* photo, const limn_box* boxes, size_t box_count,
                                         limn_error* error);

/** Whom the workspace's last estimate found; `count` is 0 if it failed. Valid until the next estimate with it. */
LIMN_API const limn_person* limn_people(const limn_workspace* workspace, size_t* count);

/** Follows the people in one film with an estimator, which it keeps; NULL for the usual options. One for each film, by
 * one thread at a time; any number of them may share an estimator. Free it with limn_video_free(). */
LIMN_API limn_status limn_video_create(const limn_estimator* estimator, const limn_video_options* options,
                                       limn_video** video, limn_error* error);

/** NULL is allowed. */
LIMN_API void limn_video_free(limn_video* video);

/** Finds everybody in the film's next frame; limn_people() and limn_ids() say who, in the order of their ids. `seconds`
 * is on any clock, after the last frame's. The workspace, one of the estimator's, holds no heatmaps of it. */
LIMN_API limn_status limn_video_next(limn_video* video, limn_workspace* workspace, const limn_image* frame,
                                     double seconds, limn_error* error);

/** Forgets everybody and the time, for another film or after a cut. Ids go on. NULL is allowed. */
LIMN_API void limn_video_reset(limn_video* video);

/** The ids of limn_people() after limn_video_next(): from 1 on, the same in all frames of the film, and nobody else's.
 * NULL, and a count of 0, after another estimate. */
LIMN_API const int64_t* limn_ids(const limn_workspace* workspace, size_t* count);

/** The heatmaps that the last keypoints were read from: of several people in boxes those of the first of the last
 * batch. Valid until the next estimate with the workspace. */
LIMN_API limn_status limn_get_heatmaps(const limn_workspace* workspace, limn_heatmaps* heatmaps, limn_error* error);

/** Draws the people of the workspace's last estimate, several each in a colour of its own, and those of a film in that
 * of their id; NULL for the usual options. */
LIMN_API limn_status limn_draw_people(const limn_estimator* estimator, const limn_workspace* workspace,
                                      const limn_canvas* canvas, const limn_draw_options* options, limn_error* error);

/** A grid with a small copy of the photo for each keypoint, the heatmap of limn_get_heatmaps() laid over it. The longer
 * side of a copy is `cell_size` pixels, or the photo's if that is smaller. */
LIMN_API limn_status limn_draw_heatmaps(const limn_workspace* workspace, const limn_image* photo, int32_t cell_size,
                                        limn_picture** picture, limn_error* error);

/** Its pixels, RGB, valid as long as the picture. */
LIMN_API limn_image limn_picture_pixels(const limn_picture* picture);

/** NULL is allowed. */
LIMN_API void limn_picture_free(limn_picture* picture);

#ifdef __cplusplus
}
#endif

#endif
