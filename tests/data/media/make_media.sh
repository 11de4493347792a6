#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the small clips of this folder from data/sample/sample.mp4 with ffmpeg (5.1):
#   edit-list.mp4  a stream-copied cut: the file holds 91 frames from a key frame on, its edit list
#                  presents 74
#   vfr.mp4        76 frames at uneven distances
#   rotated.mp4    24 frames, a display matrix that turns the picture by 90 degrees
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
sample=../../../data/sample/sample.mp4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
exact=(-fflags +bitexact -flags:v +bitexact -flags:a +bitexact)
coded=(-c:v libx264 -preset slow -crf 30 -pix_fmt yuv420p -threads 1 -c:a aac -b:a 32k -ac 1)

ffmpeg -v error -y -i $sample -vf scale=320:180 -g 48 -bf 2 "${coded[@]}" "${exact[@]}" "$work/small.mp4"
ffmpeg -v error -y -ss 0.7 -i "$work/small.mp4" -t 3 -c copy "${exact[@]}" edit-list.mp4
ffmpeg -v error -y -i $sample -an -vf "scale=320:180,select='not(mod(n,2))+lt(mod(n,30),9)'" \
    -vsync vfr -bf 2 "${coded[@]}" "${exact[@]}" vfr.mp4
ffmpeg -v error -y -i $sample -t 1 -an -vf scale=320:180 "${coded[@]}" "${exact[@]}" "$work/flat.mp4"
ffmpeg -v error -y -i "$work/flat.mp4" -c copy -metadata:s:v:0 rotate=90 "${exact[@]}" rotated.mp4
