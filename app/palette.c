// SPDX-License-Identifier: Apache-2.0
// Colours for objects.
#include "app/palette.h"

#include <math.h>

// Blue and orange first: they are the easiest to tell apart on pictures.
static const guint32 okabe_ito[] = {
    0xe69f00, 0x56b4e9, 0x009e73, 0xcc79a7, 0xf0e442, 0x0072b2, 0xd55e00,
};

static guint32 from_hsv(double hue, double saturation, double value)
{
    guint32 colour = 0;
    for (int k = 5; k > 0; k -= 2) { // red, green, blue
        double at = fmod(k + hue * 6, 6);
        double weight = fmax(0, fmin(1, fmin(at, 4 - at)));
        double channel = value * (1 - saturation * weight);
        colour = colour << 8 | (guint32)(channel * 255 + 0.5);
    }
    return colour;
}

guint32 msk_palette_get(guint index)
{
    if (index < G_N_ELEMENTS(okabe_ito))
        return okabe_ito[index];
    guint n = index - (guint)G_N_ELEMENTS(okabe_ito);
    static const double looks[][2] = {{0.75, 0.95}, {0.45, 1.0}, {0.9, 0.7}}; // saturation, value
    const double *look = looks[n % G_N_ELEMENTS(looks)];
    return from_hsv(fmod(0.13 + n * 0.6180339887498949, 1), look[0], look[1]); // golden ratio
}
