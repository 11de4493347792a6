// SPDX-License-Identifier: Apache-2.0
// Reads pickles as torch.save() writes them into plain values.
#include "model/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "model/checkpoint_private.h"

#define MAX_DEPTH 64
#define MAX_VALUE_BYTES ((size_t)64 << 20)
#define MAX_STACK (1u << 18)
#define MAX_MEMO (1u << 20)
#define BLOCK_SIZE ((size_t)64 << 10)

static const struct Allowed {
    const char *module, *name;
    Sam2PickleGlobal global;
} allowed[] = {
    {"collections", "OrderedDict", SAM2_PICKLE_ORDERED_DICT},
    {"torch._utils", "_rebuild_tensor_v2", SAM2_PICKLE_REBUILD_TENSOR},
    {"torch._utils", "_rebuild_parameter", SAM2_PICKLE_REBUILD_PARAMETER},
    {"torch", "FloatStorage", SAM2_PICKLE_FLOAT_STORAGE},
    {"torch", "HalfStorage", SAM2_PICKLE_HALF_STORAGE},
    {"torch", "BFloat16Storage", SAM2_PICKLE_BFLOAT16_STORAGE},
};

typedef struct Block Block;
struct Block {
    Block *next;
    size_t used, size;
};

struct Sam2Pickle {
    Block *blocks;
    const Sam2PickleValue *root;
};

typedef struct Machine {
    const uint8_t *data;
    size_t size, pos;
    Sam2PickleValue **stack; // NULL is a mark
    size_t n_stack, stack_capacity;
    Sam2PickleValue **memo;
    size_t n_memo, memo_capacity;
    size_t allocated;
    Sam2Pickle *pickle;
    const char *what;
    Sam2Error *error;
} Machine;

static Sam2Status fail_at(const Machine *m, const char *problem)
{
    return sam2_fail(m->error, SAM2_ERR_FORMAT, "%s: %s at byte %zu", m->what, problem, m->pos);
}

static Sam2Status allocate(Machine *m, size_t size, void **out)
{
    Block *block = m->pickle->blocks;
    size = (size + 15) & ~(size_t)15;
    if (!block || block->size - block->used < size) {
        size_t wanted = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        if (m->allocated + wanted > MAX_VALUE_BYTES)
            return fail_at(m, "the values take more than 64 MiB");
        block = malloc(sizeof *block + 16 + wanted);
        if (!block)
            return sam2_fail_memory(m->error, wanted);
        m->allocated += wanted;
        *block = (Block){m->pickle->blocks, 0, wanted};
        m->pickle->blocks = block;
    }
    char *base = (char *)(block + 1);
    base += -(uintptr_t)base & 15;
    *out = memset(base + block->used, 0, size);
    block->used += size;
    return SAM2_OK;
}

static Sam2Status push(Machine *m, Sam2PickleValue *value)
{
    if (m->n_stack >= MAX_STACK)
        return fail_at(m, "too many values at once");
    SAM2_TRY(sam2_grow(&m->stack, m->n_stack, &m->stack_capacity, sizeof *m->stack, m->error));
    m->stack[m->n_stack++] = value;
    return SAM2_OK;
}

static Sam2Status push_new(Machine *m, Sam2PickleKind kind, int64_t number, Sam2PickleValue **out)
{
    void *memory;
    SAM2_TRY(allocate(m, sizeof(Sam2PickleValue), &memory));
    Sam2PickleValue *value = memory;
    value->kind = kind;
    value->number = number;
    if (out)
        *out = value;
    return push(m, value);
}

// The topmost value, which must not be a mark.
static Sam2Status pop(Machine *m, Sam2PickleValue **out)
{
    if (m->n_stack == 0 || !m->stack[m->n_stack - 1])
        return fail_at(m, "a value is missing");
    *out = m->stack[--m->n_stack];
    return SAM2_OK;
}

// Removes the values above the last mark, and the mark. They stay readable until the next push.
static Sam2Status pop_mark(Machine *m, Sam2PickleValue ***items, size_t *n)
{
    size_t at = m->n_stack;
    while (at > 0 && m->stack[at - 1])
        at--;
    if (at == 0)
        return fail_at(m, "a mark is missing");
    *items = m->stack + at;
    *n = m->n_stack - at;
    m->n_stack = at - 1;
    return SAM2_OK;
}

// Puts `child` into `parent`. A container is complete before it goes into another one, except in
// cyclic data, which this therefore refuses.
static Sam2Status adopt(Machine *m, Sam2PickleValue *parent, Sam2PickleValue *child)
{
    if (parent->sealed || parent == child)
        return fail_at(m, "cyclic data");
    child->sealed = true;
    if (parent->depth < child->depth + 1)
        parent->depth = child->depth + 1;
    return parent->depth > MAX_DEPTH ? fail_at(m, "nesting too deep") : SAM2_OK;
}

static Sam2Status push_items(Machine *m, Sam2PickleKind kind, Sam2PickleValue *const *items,
                             size_t n)
{
    void *kept;
    Sam2PickleValue *value;
    SAM2_TRY(allocate(m, n * sizeof *items, &kept));
    memcpy(kept, items, n * sizeof *items);
    SAM2_TRY(push_new(m, kind, (int64_t)n, &value));
    value->items = kept;
    for (size_t i = 0; i < n; i++)
        SAM2_TRY(adopt(m, value, (Sam2PickleValue *)(uintptr_t)value->items[i]));
    return SAM2_OK;
}

static Sam2Status push_tuple(Machine *m, size_t n)
{
    Sam2PickleValue *items[3];
    for (size_t i = n; i-- > 0;)
        SAM2_TRY(pop(m, &items[i]));
    return push_items(m, SAM2_PICKLE_TUPLE, items, n);
}

static Sam2Status push_marked_tuple(Machine *m)
{
    Sam2PickleValue **items;
    size_t n;
    SAM2_TRY(pop_mark(m, &items, &n));
    return push_items(m, SAM2_PICKLE_TUPLE, items, n);
}

static Sam2Status set_items(Machine *m, Sam2PickleValue *const *items, size_t n)
{
    Sam2PickleValue *dict = m->n_stack > 0 ? m->stack[m->n_stack - 1] : NULL;
    if (!dict || dict->kind != SAM2_PICKLE_DICT || n % 2 != 0)
        return fail_at(m, "items for something that is no dict");
    for (size_t i = 0; i < n; i += 2) {
        void *memory;
        SAM2_TRY(adopt(m, dict, items[i]));
        SAM2_TRY(adopt(m, dict, items[i + 1]));
        SAM2_TRY(allocate(m, sizeof(Sam2PicklePair), &memory));
        Sam2PicklePair *pair = memory;
        *pair = (Sam2PicklePair){items[i], items[i + 1], NULL};
        if (dict->last)
            dict->last->next = pair;
        else
            dict->first = pair;
        dict->last = pair;
    }
    return SAM2_OK;
}

static Sam2Status append_items(Machine *m, Sam2PickleValue *const *items, size_t n)
{
    Sam2PickleValue *list = m->n_stack > 0 ? m->stack[m->n_stack - 1] : NULL;
    if (!list || list->kind != SAM2_PICKLE_LIST)
        return fail_at(m, "items for something that is no list");
    for (size_t i = 0; i < n; i++)
        SAM2_TRY(adopt(m, list, items[i]));
    return SAM2_OK;
}

// Little-endian, `n` bytes.
static Sam2Status take(Machine *m, int n, uint64_t *out)
{
    if (m->size - m->pos < (size_t)n)
        return fail_at(m, "the pickle ends too early");
    *out = 0;
    for (int i = n - 1; i >= 0; i--)
        *out = *out << 8 | m->data[m->pos + (size_t)i];
    m->pos += (size_t)n;
    return SAM2_OK;
}

static Sam2Status push_long(Machine *m)
{
    uint64_t n_bytes, bits = 0;
    SAM2_TRY(take(m, 1, &n_bytes));
    if (n_bytes > 8)
        return fail_at(m, "a number of more than 64 bits");
    SAM2_TRY(take(m, (int)n_bytes, &bits));
    int unused = 64 - 8 * (int)n_bytes;
    return push_new(m, SAM2_PICKLE_INT, n_bytes ? (int64_t)(bits << unused) >> unused : 0, NULL);
}

static Sam2Status push_string(Machine *m)
{
    uint64_t length;
    Sam2PickleValue *value;
    SAM2_TRY(take(m, 4, &length));
    if (length > m->size - m->pos)
        return fail_at(m, "a string that is longer than the pickle");
    SAM2_TRY(push_new(m, SAM2_PICKLE_STRING, (int64_t)length, &value));
    value->string = (const char *)m->data + m->pos;
    m->pos += (size_t)length;
    return SAM2_OK;
}

// Text up to the end of the line.
static Sam2Status take_line(Machine *m, const char **line, int *length)
{
    const uint8_t *start = m->data + m->pos;
    const uint8_t *end = memchr(start, '\n', m->size - m->pos);
    if (!end || end - start > 200 || !sam2_is_printable((const char *)start, (size_t)(end - start)))
        return fail_at(m, "a broken name");
    *line = (const char *)start;
    *length = (int)(end - start);
    m->pos += (size_t)*length + 1;
    return SAM2_OK;
}

static Sam2Status push_global(Machine *m)
{
    const char *module, *name;
    int module_length, name_length;
    SAM2_TRY(take_line(m, &module, &module_length));
    SAM2_TRY(take_line(m, &name, &name_length));
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (strlen(allowed[i].module) == (size_t)module_length &&
            strlen(allowed[i].name) == (size_t)name_length &&
            memcmp(allowed[i].module, module, (size_t)module_length) == 0 &&
            memcmp(allowed[i].name, name, (size_t)name_length) == 0)
            return push_new(m, SAM2_PICKLE_GLOBAL, allowed[i].global, NULL);
    return sam2_fail(m->error, SAM2_ERR_UNSUPPORTED,
                     "%s refers to \"%.*s.%.*s\"; a weight file may only hold plain values and "
                     "tensors of 16 or 32-bit floats",
                     m->what, module_length, module, name_length, name);
}

static Sam2Status reduce(Machine *m)
{
    Sam2PickleValue *call[2];
    SAM2_TRY(pop(m, &call[1]));
    SAM2_TRY(pop(m, &call[0]));
    if (call[0]->kind != SAM2_PICKLE_GLOBAL || call[1]->kind != SAM2_PICKLE_TUPLE)
        return fail_at(m, "a call of something that cannot be called");
    if (call[0]->number != SAM2_PICKLE_ORDERED_DICT)
        return push_items(m, SAM2_PICKLE_CALL, call, 2);
    if (call[1]->number != 0)
        return fail_at(m, "an OrderedDict in a form that torch does not write");
    return push_new(m, SAM2_PICKLE_DICT, 0, NULL);
}

// Attributes of an OrderedDict (torch puts its _metadata there) are of no use here.
static Sam2Status build(Machine *m)
{
    Sam2PickleValue *state, *dict;
    SAM2_TRY(pop(m, &state));
    SAM2_TRY(pop(m, &dict));
    if (dict->kind != SAM2_PICKLE_DICT || state->kind != SAM2_PICKLE_DICT)
        return fail_at(m, "attributes of something that has none");
    return push(m, dict);
}

static Sam2Status memo_put(Machine *m, int n_bytes)
{
    uint64_t index;
    SAM2_TRY(take(m, n_bytes, &index));
    if (m->n_stack == 0 || !m->stack[m->n_stack - 1])
        return fail_at(m, "a value is missing");
    // Picklers count their entries up.
    if (index > m->n_memo || index >= MAX_MEMO)
        return fail_at(m, "a memo entry out of order");
    if (index == m->n_memo) {
        SAM2_TRY(sam2_grow(&m->memo, m->n_memo, &m->memo_capacity, sizeof *m->memo, m->error));
        m->n_memo++;
    }
    m->memo[index] = m->stack[m->n_stack - 1];
    return SAM2_OK;
}

static Sam2Status memo_get(Machine *m, int n_bytes)
{
    uint64_t index;
    SAM2_TRY(take(m, n_bytes, &index));
    if (index >= m->n_memo)
        return fail_at(m, "a memo entry that does not exist");
    return push(m, m->memo[index]);
}

static Sam2Status push_int(Machine *m, int n_bytes)
{
    uint64_t bits;
    SAM2_TRY(take(m, n_bytes, &bits));
    return push_new(m, SAM2_PICKLE_INT, n_bytes == 4 ? (int32_t)bits : (int64_t)bits, NULL);
}

static Sam2Status step_container(Machine *m, uint8_t op)
{
    Sam2PickleValue *items[2], **marked;
    size_t n;
    switch (op) {
    case 's':
        SAM2_TRY(pop(m, &items[1]));
        SAM2_TRY(pop(m, &items[0]));
        return set_items(m, items, 2);
    case 'u':
        SAM2_TRY(pop_mark(m, &marked, &n));
        return set_items(m, marked, n);
    case 'a':
        SAM2_TRY(pop(m, &items[0]));
        return append_items(m, items, 1);
    case 'e':
        SAM2_TRY(pop_mark(m, &marked, &n));
        return append_items(m, marked, n);
    case 'Q':
        SAM2_TRY(pop(m, &items[0]));
        return push_items(m, SAM2_PICKLE_PERSISTENT, items, 1);
    default:
        return sam2_fail(m->error, SAM2_ERR_UNSUPPORTED,
                         "%s: instruction 0x%02x at byte %zu is not one that torch writes for "
                         "tensors",
                         m->what, op, m->pos - 1);
    }
}

static Sam2Status step(Machine *m, uint8_t op)
{
    uint64_t ignored;
    switch (op) {
    case '(':
        return push(m, NULL);
    case 'N':
        return push_new(m, SAM2_PICKLE_NONE, 0, NULL);
    case 0x88:
    case 0x89:
        return push_new(m, SAM2_PICKLE_BOOL, op == 0x88, NULL);
    case 'J':
        return push_int(m, 4);
    case 'K':
        return push_int(m, 1);
    case 'M':
        return push_int(m, 2);
    case 0x8a:
        return push_long(m);
    case 'G':
        SAM2_TRY(take(m, 8, &ignored));
        return push_new(m, SAM2_PICKLE_FLOAT, 0, NULL);
    case 'X':
        return push_string(m);
    case '}':
        return push_new(m, SAM2_PICKLE_DICT, 0, NULL);
    case ']':
        return push_new(m, SAM2_PICKLE_LIST, 0, NULL);
    case ')':
        return push_tuple(m, 0);
    case 0x85:
    case 0x86:
    case 0x87:
        return push_tuple(m, op - 0x84u);
    case 't':
        return push_marked_tuple(m);
    case 'q':
        return memo_put(m, 1);
    case 'r':
        return memo_put(m, 4);
    case 'h':
        return memo_get(m, 1);
    case 'j':
        return memo_get(m, 4);
    case 'c':
        return push_global(m);
    case 'R':
        return reduce(m);
    case 'b':
        return build(m);
    default:
        return step_container(m, op);
    }
}

static Sam2Status run(Machine *m)
{
    uint64_t proto, version, op;
    SAM2_TRY(take(m, 1, &proto));
    SAM2_TRY(take(m, 1, &version));
    if (proto != 0x80 || version != 2)
        return sam2_fail(m->error, SAM2_ERR_UNSUPPORTED,
                         "%s is not a pickle of protocol 2; save the model again with torch.save's "
                         "defaults",
                         m->what);
    for (;;) {
        SAM2_TRY(take(m, 1, &op));
        if (op == '.')
            break;
        SAM2_TRY(step(m, (uint8_t)op));
    }
    Sam2PickleValue *root;
    SAM2_TRY(pop(m, &root));
    if (m->n_stack != 0 || m->pos != m->size)
        return fail_at(m, "something is left over");
    m->pickle->root = root;
    return SAM2_OK;
}

Sam2Status sam2_pickle_read(Sam2Pickle **out, const uint8_t *data, size_t size, const char *what,
                            Sam2Error *error)
{
    *out = NULL;
    Sam2Pickle *pickle = calloc(1, sizeof *pickle);
    if (!pickle)
        return sam2_fail_memory(error, sizeof *pickle);
    Machine machine = {.data = data, .size = size, .pickle = pickle, .what = what, .error = error};
    Sam2Status status = run(&machine);
    free(machine.stack);
    free(machine.memo);
    if (status != SAM2_OK)
        sam2_pickle_free(&pickle);
    *out = pickle;
    return status;
}

void sam2_pickle_free(Sam2Pickle **pickle)
{
    if (!*pickle)
        return;
    while ((*pickle)->blocks) {
        Block *block = (*pickle)->blocks;
        (*pickle)->blocks = block->next;
        free(block);
    }
    free(*pickle);
    *pickle = NULL;
}

const Sam2PickleValue *sam2_pickle_root(const Sam2Pickle *pickle)
{
    return pickle->root;
}

bool sam2_pickle_is_string(const Sam2PickleValue *value, const char *text)
{
    return value->kind == SAM2_PICKLE_STRING && (size_t)value->number == strlen(text) &&
           memcmp(value->string, text, strlen(text)) == 0;
}

const Sam2PickleValue *sam2_pickle_find(const Sam2PickleValue *dict, const char *key)
{
    const Sam2PickleValue *found = NULL;
    if (dict->kind != SAM2_PICKLE_DICT)
        return NULL;
    for (const Sam2PicklePair *pair = dict->first; pair; pair = pair->next)
        if (sam2_pickle_is_string(pair->key, key))
            found = pair->value;
    return found;
}
