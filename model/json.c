// SPDX-License-Identifier: Apache-2.0
// A small JSON reader for headers and configurations, bounded in depth and memory.
#include "model/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64
#define MAX_VALUES (1u << 19)
#define CHUNK_VALUES 256

typedef struct Chunk Chunk;
struct Chunk {
    Chunk *next;
    size_t used;
    Sam2JsonValue values[CHUNK_VALUES];
};

struct Sam2Json {
    Chunk *chunks;
    char *strings; // all decoded strings; never longer than the text
    Sam2JsonValue *root;
};

typedef struct Parser {
    const char *text;
    size_t size, pos;
    int depth;
    size_t n_values, strings_used;
    Sam2Json *json;
    const char *what;
    Sam2Error *error;
} Parser;

static Sam2Status parse_value(Parser *p, Sam2JsonValue *value);

static Sam2Status fail_at(const Parser *p, const char *problem)
{
    return sam2_fail(p->error, SAM2_ERR_FORMAT, "%s is not valid JSON: %s at byte %zu", p->what,
                     problem, p->pos);
}

static Sam2Status new_value(Parser *p, Sam2JsonValue **out)
{
    if (p->n_values >= MAX_VALUES)
        return sam2_fail(p->error, SAM2_ERR_FORMAT, "%s holds more than %u JSON values", p->what,
                         MAX_VALUES);
    Chunk *chunk = p->json->chunks;
    if (!chunk || chunk->used == CHUNK_VALUES) {
        chunk = malloc(sizeof *chunk);
        if (!chunk)
            return sam2_fail_memory(p->error, sizeof *chunk);
        chunk->used = 0;
        chunk->next = p->json->chunks;
        p->json->chunks = chunk;
    }
    *out = &chunk->values[chunk->used++];
    memset(*out, 0, sizeof **out);
    p->n_values++;
    return SAM2_OK;
}

static int peek(const Parser *p)
{
    return p->pos < p->size ? (unsigned char)p->text[p->pos] : -1;
}

static void skip_space(Parser *p)
{
    for (int c = peek(p); c == ' ' || c == '\n' || c == '\r' || c == '\t'; c = peek(p))
        p->pos++;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool skip_word(Parser *p, const char *word)
{
    size_t length = strlen(word);
    if (p->size - p->pos < length || memcmp(p->text + p->pos, word, length) != 0)
        return false;
    p->pos += length;
    return true;
}

// Four hexadecimal digits, or -1.
static int parse_hex4(Parser *p)
{
    int code = 0;
    for (int i = 0; i < 4; i++) {
        int c = peek(p);
        int digit = is_digit(c)            ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
        p->pos++;
    }
    return code;
}

static size_t encode_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

// Length of the valid UTF-8 sequence at the position, or 0.
static size_t utf8_length(const Parser *p)
{
    const unsigned char *s = (const unsigned char *)p->text + p->pos;
    size_t left = p->size - p->pos;
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (n == 0 || n > left || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || outside ? 0 : n;
}

static Sam2Status parse_escape(Parser *p, char **end)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    p->pos++;
    int c = peek(p);
    const char *found = c > 0 ? strchr(from, c) : NULL;
    if (found) {
        *(*end)++ = to[found - from];
        p->pos++;
        return SAM2_OK;
    }
    if (c != 'u')
        return fail_at(p, "unknown escape");
    p->pos++;
    int code = parse_hex4(p);
    if (code >= 0xd800 && code < 0xdc00) {
        if (!skip_word(p, "\\u"))
            return fail_at(p, "half a surrogate pair");
        int low = parse_hex4(p);
        if (low < 0xdc00 || low > 0xdfff)
            return fail_at(p, "half a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code <= 0 || (code >= 0xdc00 && code < 0xe000)) {
        return fail_at(p, "bad \\u escape");
    }
    *end += encode_utf8(*end, (uint32_t)code);
    return SAM2_OK;
}

static Sam2Status parse_string(Parser *p, const char **out)
{
    if (peek(p) != '"')
        return fail_at(p, "a string was expected");
    p->pos++;
    char *start = p->json->strings + p->strings_used, *end = start;
    for (;;) {
        int c = peek(p);
        if (c < 0)
            return fail_at(p, "the text ends inside a string");
        if (c == '"')
            break;
        if (c == '\\') {
            SAM2_TRY(parse_escape(p, &end));
            continue;
        }
        size_t n = c < 0x20 ? 0 : utf8_length(p);
        if (n == 0)
            return fail_at(p, "a character that strings may not hold");
        memcpy(end, p->text + p->pos, n);
        end += n;
        p->pos += n;
    }
    p->pos++;
    *end++ = '\0';
    p->strings_used += (size_t)(end - start);
    *out = start;
    return SAM2_OK;
}

// strtod() would follow the locale. Exact for up to 15 digits with exponents to 22, which is all
// that configurations hold; within a unit in the last place or two otherwise.
static double make_number(uint64_t digits, int exponent)
{
    double value = (double)digits;
    if (digits == 0)
        return 0;
    if (exponent < 0 && exponent >= -22)
        return value / pow(10, -exponent);
    if (exponent < -290) // two steps, lest 10^-exponent overflows
        return value / 1e290 / pow(10, fmin(-exponent - 290, 300));
    return exponent < 0 ? value / pow(10, -exponent) : value * pow(10, exponent);
}

static Sam2Status parse_number(Parser *p, Sam2JsonValue *value)
{
    bool negative = peek(p) == '-', whole = true;
    if (negative)
        p->pos++;
    if (!is_digit(peek(p)))
        return fail_at(p, "a value was expected");
    if (peek(p) == '0' && p->pos + 1 < p->size && is_digit(p->text[p->pos + 1]))
        return fail_at(p, "a number with a leading zero");
    uint64_t digits = 0;
    int exponent = 0;
    bool fraction = false;
    for (;; p->pos++) {
        int c = peek(p);
        if (c == '.' && !fraction) {
            fraction = true;
            whole = false;
            if (p->pos + 1 >= p->size || !is_digit(p->text[p->pos + 1]))
                return fail_at(p, "a digit was expected after the point");
            continue;
        }
        if (!is_digit(c))
            break;
        // Digits past the 18th cannot be told apart in a double.
        if (digits < 100000000000000000u) {
            digits = digits * 10 + (uint64_t)(c - '0');
            exponent -= fraction;
        } else {
            whole = false;
            if (!fraction && exponent < 10000)
                exponent++;
        }
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        whole = false;
        p->pos++;
        int sign = peek(p) == '-' ? -1 : 1, power = 0;
        if (peek(p) == '-' || peek(p) == '+')
            p->pos++;
        if (!is_digit(peek(p)))
            return fail_at(p, "a digit was expected in the exponent");
        for (; is_digit(peek(p)); p->pos++)
            power = power < 10000 ? power * 10 + (peek(p) - '0') : power;
        exponent += sign * power;
    }
    double number = make_number(digits, exponent);
    if (!isfinite(number))
        return fail_at(p, "a number too large");
    value->kind = SAM2_JSON_NUMBER;
    value->number = negative ? -number : number;
    value->is_integer = whole;
    value->integer = whole ? (negative ? -(int64_t)digits : (int64_t)digits) : 0;
    return SAM2_OK;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp((*(const Sam2JsonValue *const *)a)->key, (*(const Sam2JsonValue *const *)b)->key);
}

static Sam2Status check_repeated(Parser *p, const Sam2JsonValue *object)
{
    if (object->n_children < 2)
        return SAM2_OK;
    const Sam2JsonValue **members = malloc(object->n_children * sizeof(void *));
    if (!members)
        return sam2_fail_memory(p->error, object->n_children * sizeof(void *));
    size_t n = 0;
    for (const Sam2JsonValue *child = object->first; child; child = child->next)
        members[n++] = child;
    qsort(members, n, sizeof *members, compare_keys);
    Sam2Status status = SAM2_OK;
    for (size_t i = 1; i < n && status == SAM2_OK; i++)
        if (strcmp(members[i - 1]->key, members[i]->key) == 0)
            status = sam2_fail(p->error, SAM2_ERR_FORMAT, "%s has the key \"%.100s\" twice",
                               p->what, members[i]->key);
    free(members);
    return status;
}

static Sam2Status parse_children(Parser *p, Sam2JsonValue *value, char close)
{
    bool is_object = close == '}';
    Sam2JsonValue **tail = &value->first;
    value->kind = is_object ? SAM2_JSON_OBJECT : SAM2_JSON_ARRAY;
    if (++p->depth > MAX_DEPTH)
        return fail_at(p, "nesting too deep");
    p->pos++;
    skip_space(p);
    while (peek(p) != close) {
        if (value->n_children > 0) {
            if (peek(p) != ',')
                return fail_at(p, "a comma or the closing bracket was expected");
            p->pos++;
            skip_space(p);
        }
        SAM2_TRY(new_value(p, tail));
        if (is_object) {
            SAM2_TRY(parse_string(p, &(*tail)->key));
            skip_space(p);
            if (peek(p) != ':')
                return fail_at(p, "a colon was expected");
            p->pos++;
        }
        SAM2_TRY(parse_value(p, *tail));
        tail = &(*tail)->next;
        value->n_children++;
        skip_space(p);
    }
    p->pos++;
    p->depth--;
    return is_object ? check_repeated(p, value) : SAM2_OK;
}

static Sam2Status parse_value(Parser *p, Sam2JsonValue *value)
{
    skip_space(p);
    switch (peek(p)) {
    case '{':
        return parse_children(p, value, '}');
    case '[':
        return parse_children(p, value, ']');
    case '"':
        value->kind = SAM2_JSON_STRING;
        return parse_string(p, &value->string);
    default:
        break;
    }
    if (skip_word(p, "null"))
        return SAM2_OK;
    value->boolean = skip_word(p, "true");
    if (value->boolean || skip_word(p, "false")) {
        value->kind = SAM2_JSON_BOOL;
        return SAM2_OK;
    }
    return parse_number(p, value);
}

Sam2Status sam2_json_parse(Sam2Json **out, const char *text, size_t size, const char *what,
                           Sam2Error *error)
{
    *out = NULL;
    Sam2Json *json = calloc(1, sizeof *json);
    if (!json)
        return sam2_fail_memory(error, sizeof *json);
    Parser p = {.text = text, .size = size, .json = json, .what = what, .error = error};
    Sam2Status status;
    // Each string's two quotes leave room for its NUL.
    json->strings = malloc(size + 1);
    if (!json->strings) {
        status = sam2_fail_memory(error, size + 1);
        goto fail;
    }
    SAM2_TRY_FAIL(new_value(&p, &json->root));
    SAM2_TRY_FAIL(parse_value(&p, json->root));
    skip_space(&p);
    if (p.pos != size) {
        status = fail_at(&p, "something follows the value");
        goto fail;
    }
    *out = json;
    return SAM2_OK;
fail:
    sam2_json_free(&json);
    return status;
}

void sam2_json_free(Sam2Json **json)
{
    if (!*json)
        return;
    while ((*json)->chunks) {
        Chunk *chunk = (*json)->chunks;
        (*json)->chunks = chunk->next;
        free(chunk);
    }
    free((*json)->strings);
    free(*json);
    *json = NULL;
}

const Sam2JsonValue *sam2_json_root(const Sam2Json *json)
{
    return json->root;
}

static const Sam2JsonValue *find_member(const Sam2JsonValue *object, const char *key, size_t length)
{
    if (!object || object->kind != SAM2_JSON_OBJECT)
        return NULL;
    for (const Sam2JsonValue *child = object->first; child; child = child->next)
        if (strncmp(child->key, key, length) == 0 && child->key[length] == '\0')
            return child;
    return NULL;
}

const Sam2JsonValue *sam2_json_member(const Sam2JsonValue *object, const char *key)
{
    return find_member(object, key, strlen(key));
}

const Sam2JsonValue *sam2_json_path(const Sam2JsonValue *object, const char *path)
{
    for (;;) {
        size_t length = strcspn(path, ".");
        object = find_member(object, path, length);
        if (!object || path[length] == '\0')
            return object;
        path += length + 1;
    }
}

size_t sam2_json_quote(char *out, const char *string)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
#define PUT(c)                                                                                     \
    do {                                                                                           \
        if (out)                                                                                   \
            out[n] = (c);                                                                          \
        n++;                                                                                       \
    } while (0)
    PUT('"');
    for (; *string; string++) {
        unsigned char c = (unsigned char)*string;
        if (c == '"' || c == '\\') {
            PUT('\\');
            PUT((char)c);
        } else if (c < 0x20) {
            PUT('\\');
            PUT('u');
            PUT('0');
            PUT('0');
            PUT(hex[c >> 4]);
            PUT(hex[c & 15]);
        } else {
            PUT((char)c);
        }
    }
    PUT('"');
#undef PUT
    return n;
}
