// SPDX-License-Identifier: Apache-2.0
// Colours as documents and settings keep them, 0xRRGGBB, and as GTK does.
#pragma once

#include <gdk/gdk.h>

static inline GdkRGBA msk_rgb_to_rgba(guint32 rgb)
{
    return (GdkRGBA){(float)(rgb >> 16 & 0xff) / 255, (float)(rgb >> 8 & 0xff) / 255,
                     (float)(rgb & 0xff) / 255, 1};
}

static inline guint32 msk_rgb_from_rgba(const GdkRGBA *rgba)
{
    guint32 red = (guint32)(CLAMP(rgba->red, 0, 1) * 255 + 0.5f);
    guint32 green = (guint32)(CLAMP(rgba->green, 0, 1) * 255 + 0.5f);
    guint32 blue = (guint32)(CLAMP(rgba->blue, 0, 1) * 255 + 0.5f);
    return red << 16 | green << 8 | blue;
}
