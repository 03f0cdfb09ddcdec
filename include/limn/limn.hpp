/// @file
/// Everything that leads from pixels to poses. Beside it there are <limn/image/io.hpp> for picture files (with stb),
/// <limn/pose/pose_json.hpp> for JSON (with nlohmann/json), <limn/metrics/...> for scores, and the networks themselves,
/// layer by layer, in the other folders.
///
/// @namespace limn
/// Human pose estimation on a CPU. PoseEstimator finds people's poses, PersonDetector the people, VideoEstimator
/// follows them through films; <limn/limn.hpp> brings these.
#pragma once

#include <limn/core/error.hpp>
#include <limn/core/thread_pool.hpp>
#include <limn/estimator/person_detector.hpp>
#include <limn/estimator/pose_estimator.hpp>
#include <limn/image/draw.hpp>
#include <limn/image/image.hpp>
#include <limn/pose/draw_pose.hpp>
#include <limn/track/video_estimator.hpp>
