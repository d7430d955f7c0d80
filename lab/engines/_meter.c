/* The meter: counts what a Cortex-M program executes, from Unicorn's block hook.
 *
 * Executions are counted per basic block; sums are made from the counts when somebody asks. What
 * a block costs comes from a Python callback, once per block. Blocks that need a look before they
 * run (they move SP below its value on entry, use the FPU, are an address to stop at, ...) carry
 * SLOW in their key, so that the fast path misses them without testing for it.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unicorn/unicorn.h>

#define unlikely(x) __builtin_expect(!!(x), 0)
#define SLOW (1ull << 63)
#define PERIOD (1 << 19)           /* blocks between two looks at the clock, at most */
#define LARGEST_BLOCK 512          /* instructions, see TCG_MAX_INSNS in Unicorn */
#define SMALLEST_TABLE (1u << 12)
#define LARGEST_TABLE (1u << 20)
#define TOLERATED_COLLISIONS 100000

enum {
    DYNAMIC_SP = 1, USES_FPU = 2, HALTED = 4, INEXACT_SP = 8, WANTS_PROBES = 16, UNDEFINED = 32,
    KEEPS_ALIGNMENT = 64, ENDS_IN_HINT = 128
};
enum { HAS_FPU = 1, HAS_CYCCNT = 2 }; /* features of the core */

typedef enum {
    NOTHING, ADDRESS, HALT, BUDGET, CLOCK, NO_COPROCESSOR, STACK_LIMIT, BLOCKS, INTERRUPT, PROBES,
    NO_INSTRUCTION, UNALIGNED_BLOCK, UNALIGNED, DIVIDED_BY_ZERO, NEW_TRAPS, ERROR
} Reason;

/* An instruction to look at before each execution: bits of a register that must not be ... */
typedef struct Watch {
    struct Watch *next;
    struct Meter *meter;
    uc_hook hook;
    int reg;
    unsigned condition; /* as encoded in instructions; 14: always */
    Reason reason;      /* UNALIGNED: unless its two lowest bits are zero, DIVIDED_BY_ZERO: if it is */
} Watch;

typedef struct {
    uint64_t key;    /* address | size << 32, maybe | SLOW; 0: free */
    uint64_t counts; /* executions | entries by a taken branch << 32, since the last settle() */
} Hot;

typedef struct {
    uint64_t key, executions, taken;
    uint32_t slot, instructions, cycles, flags;
    uint32_t aligned; /* bit n: register n must be word-aligned on entry */
    int32_t sp_low, sp_tail;
    bool stop;
} Cold;

typedef struct Meter {
    PyObject_HEAD
    uc_engine *uc;
    PyObject *decode;
    uc_err (*hook_add)(uc_engine *, uc_hook *, int, void *, void *, uint64_t, uint64_t, ...);
    uc_err (*hook_del)(uc_engine *, uc_hook);
    uc_err (*reg_read)(uc_engine *, int, void *);
    uc_err (*reg_write)(uc_engine *, int, const void *);
    uc_err (*emu_start)(uc_engine *, uint64_t, uint64_t, uint64_t, size_t);
    uc_err (*emu_stop)(uc_engine *);
    uc_err (*mmio_map)(uc_engine *, uint64_t, size_t, uc_cb_mmio_read_t, void *,
                       uc_cb_mmio_write_t, void *);
    /* the fast path */
    Hot *hot;
    uint64_t mask, offset_mask; /* of a slot, of its offset in bytes */
    int64_t countdown;          /* blocks until the next check(); at least 1 between blocks */
    uint64_t last;     /* key of the block that was entered last */
    uint64_t expected; /* address of the next block if no branch is taken */
    /* tables */
    uint32_t *ordinal; /* slot of hot -> index in cold */
    Cold *cold;
    uint32_t known, room, collisions;
    /* totals */
    int64_t armed, deferred;
    uint64_t blocks, block_limit, instructions, cycles, budget_end;
    int64_t instructions_adjust, cycles_adjust;
    uint32_t taken_cycles;
    /* this run */
    uint32_t *stops;
    Py_ssize_t stop_count;
    struct timespec deadline;
    uint32_t stack_limit, interrupt, access_type, watched;
    uint32_t stopped_before; /* block that was not entered, | 1; 0: stopped for another reason */
    uint64_t access_address;
    Reason reason;
    bool first, accessed, below_limit;
    /* stack pointer */
    uint32_t minimum_sp, minimum_pc, minimum_before, minimum_pc_before, entry_sp, pending_pc;
    int32_t pending_tail;
    bool pending, approximate;
    /* system registers */
    uint8_t system[0x1000], dwt[0x1000];
    uint64_t systick_start, cyccnt_start;
    uint32_t features;
    bool fpu_enabled, new_traps;
    Watch *watches;
} Meter;

static uint32_t read_register(Meter *m, int id)
{
    uint32_t value = 0;
    m->reg_read(m->uc, id, &value);
    return value;
}

/* ---- table of blocks ---- */

static uint32_t key_address(uint64_t key) { return (uint32_t)key; }
static uint32_t key_size(uint64_t key) { return (uint32_t)(key >> 32); } /* SLOW not in it */

/* Slot of a block, or of the free place where it belongs. Consecutive code never collides. */
static uint32_t find(const Meter *m, uint64_t key)
{
    uint64_t slot = key_address(key) >> 1 & m->mask;
    while (m->hot[slot].key && (m->hot[slot].key & ~SLOW) != key)
        slot = (slot + 1) & m->mask;
    return (uint32_t)slot;
}

static int compare_addresses(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Decide whether a block takes the fast path. */
static void classify(Meter *m, Cold *cold)
{
    uint32_t address = key_address(cold->key);
    cold->stop = m->stop_count && bsearch(&address, m->stops, (size_t)m->stop_count,
                                          sizeof *m->stops, compare_addresses);
    uint32_t always = DYNAMIC_SP | HALTED | INEXACT_SP | WANTS_PROBES | UNDEFINED;
    bool slow = cold->stop || cold->sp_low < 0 || cold->aligned || cold->flags & always
                || (cold->flags & USES_FPU && !m->fpu_enabled);
    m->hot[cold->slot].key = cold->key | (slow ? SLOW : 0);
}

static void classify_all(Meter *m)
{
    for (uint32_t i = 0; i < m->known; i++)
        classify(m, &m->cold[i]);
}

/* Put every known block into a table of this many slots. */
static bool rebuild(Meter *m, uint64_t slots)
{
    Hot *hot = calloc(slots, sizeof *hot);
    uint32_t *ordinal = calloc(slots, sizeof *ordinal);
    if (!hot || !ordinal) {
        free(hot);
        free(ordinal);
        return false;
    }
    Hot *old = m->hot;
    free(m->ordinal);
    m->hot = hot, m->ordinal = ordinal, m->collisions = 0;
    m->mask = slots - 1, m->offset_mask = m->mask * sizeof *hot;
    for (uint32_t i = 0; i < m->known; i++) {
        Cold *cold = &m->cold[i];
        uint32_t slot = find(m, cold->key);
        hot[slot] = old[cold->slot];
        ordinal[slot] = i;
        cold->slot = slot;
    }
    free(old);
    return true;
}

static bool make_room(Meter *m)
{
    if (m->known == m->room) {
        uint32_t room = m->room ? 2 * m->room : 1024;
        Cold *cold = realloc(m->cold, room * sizeof *cold);
        if (!cold)
            return false;
        m->cold = cold, m->room = room;
    }
    return 4 * (uint64_t)m->known < m->mask || rebuild(m, 2 * (m->mask + 1));
}

/* Ask Python what an unknown block does. Returns false with a Python exception set. */
static bool learn(Meter *m, uint64_t key)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    Cold cold = {.key = key};
    bool ok = false;
    uint32_t xpsr = read_register(m, UC_ARM_REG_XPSR);
    uint32_t it_state = (xpsr >> 8 & 0xfc) | (xpsr >> 25 & 3); /* Armv7-M ARM, B1.4.2 */
    PyObject *answer = PyObject_CallFunction(m->decode, "III", key_address(key), key_size(key),
                                             it_state);
    if (answer && PyArg_ParseTuple(answer, "IIiiII", &cold.instructions, &cold.cycles,
                                   &cold.sp_low, &cold.sp_tail, &cold.flags, &cold.aligned)) {
        ok = make_room(m);
        if (!ok)
            PyErr_NoMemory();
    }
    Py_XDECREF(answer);
    if (ok) {
        cold.slot = find(m, key);
        m->ordinal[cold.slot] = m->known;
        m->cold[m->known] = cold;
        classify(m, &m->cold[m->known++]);
    }
    PyGILState_Release(gil);
    return ok;
}

/* ---- sums ---- */

/* Move the 32-bit counts into the 64-bit totals; check() calls it long before they overflow. */
static void settle(Meter *m)
{
    uint64_t instructions = 0, cycles = 0;
    for (uint32_t i = 0; i < m->known; i++) {
        Cold *cold = &m->cold[i];
        Hot *hot = &m->hot[cold->slot];
        cold->executions += (uint32_t)hot->counts;
        cold->taken += hot->counts >> 32;
        hot->counts = 0;
        instructions += cold->executions * cold->instructions;
        cycles += cold->executions * cold->cycles + cold->taken * m->taken_cycles;
    }
    m->instructions = instructions + (uint64_t)m->instructions_adjust;
    m->cycles = cycles + (uint64_t)m->cycles_adjust;
}

static uint64_t blocks_entered(const Meter *m)
{
    return m->blocks + (uint64_t)(m->armed - m->countdown);
}

static void arm(Meter *m, int64_t blocks)
{
    m->blocks = blocks_entered(m);
    m->armed = m->countdown = blocks;
    m->deferred = 0;
}

/* ---- stack pointer ---- */

static void lower(Meter *m, int64_t sp, uint32_t pc)
{
    if (sp < (int64_t)m->minimum_sp) {
        m->minimum_sp = sp < 0 ? 0 : (uint32_t)sp;
        m->minimum_pc = pc;
    }
}

/* After a block that computed SP: what it is now tells how low it was. */
static void settle_sp(Meter *m)
{
    if (!m->pending)
        return;
    int64_t lowest = (int64_t)read_register(m, UC_ARM_REG_SP) + m->pending_tail;
    lower(m, lowest, m->pending_pc);
    m->below_limit = m->stack_limit && lowest < (int64_t)m->stack_limit;
    m->pending = false;
}

/* ---- hooks ---- */

static void stop(Meter *m, Reason reason)
{
    m->reason = reason;
    m->emu_stop(m->uc);
}

static bool late(const Meter *m)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > m->deadline.tv_sec
           || (now.tv_sec == m->deadline.tv_sec && now.tv_nsec >= m->deadline.tv_nsec);
}

static bool interrupted(void)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    bool error = PyErr_CheckSignals() != 0;
    PyGILState_Release(gil);
    return error;
}

/* The look at budget, clock and signals; sets how many blocks may run until the next one. */
static Reason check(Meter *m)
{
    arm(m, 1);
    if (m->blocks >= m->block_limit)
        return BLOCKS;
    settle(m);
    if (m->instructions >= m->budget_end)
        return BUDGET;
    if (late(m))
        return CLOCK;
    if (interrupted())
        return ERROR;
    uint64_t period = (m->budget_end - m->instructions) / LARGEST_BLOCK;
    if (period > m->block_limit - m->blocks)
        period = m->block_limit - m->blocks;
    arm(m, 1 + (period < 1 ? 1 : period > PERIOD ? PERIOD : (int64_t)period));
    return NOTHING;
}

/* Whether the registers a block takes addresses from are word-aligned. */
static bool aligned(Meter *m, const Cold *cold)
{
    if (cold->flags & KEEPS_ALIGNMENT && m->last == cold->key && !m->first)
        return true; /* a loop of this one block: as it was the first time */
    for (uint32_t rest = cold->aligned; rest; rest &= rest - 1) {
        int number = __builtin_ctz(rest);
        int reg = number == 14 ? UC_ARM_REG_LR : UC_ARM_REG_R0 + number;
        if (read_register(m, reg) & 3)
            return false;
    }
    return true;
}

/* Why a block must not be entered now. */
static Reason judge(Meter *m, Cold *cold)
{
    if (m->below_limit && m->stack_limit) /* a computed SP, found out behind its block */
        return STACK_LIMIT;
    if (m->new_traps) {
        m->new_traps = false;
        return NEW_TRAPS;
    }
    if (cold->stop && !m->first)
        return ADDRESS;
    if (cold->flags & HALTED)
        return HALT;
    if (m->countdown <= 1) {
        Reason reason = check(m);
        if (reason)
            return reason;
    }
    if (cold->flags & USES_FPU && !m->fpu_enabled)
        return NO_COPROCESSOR;
    if (cold->flags & UNDEFINED)
        return NO_INSTRUCTION;
    if (cold->flags & WANTS_PROBES) { /* once: then the host has placed them */
        cold->flags &= ~(uint32_t)WANTS_PROBES;
        return PROBES;
    }
    if (cold->aligned && !aligned(m, cold))
        return UNALIGNED_BLOCK;
    if (cold->sp_low < 0) {
        m->entry_sp = read_register(m, UC_ARM_REG_SP);
        m->below_limit |= (int64_t)m->entry_sp + cold->sp_low < (int64_t)m->stack_limit;
    }
    return m->below_limit && m->stack_limit ? STACK_LIMIT : NOTHING;
}

static inline void count(Meter *m, Hot *hot, uint64_t address, uint32_t size)
{
    hot->counts += address == m->expected ? 1 : 1 + (1ull << 32);
    m->expected = address + size;
    m->last = address | (uint64_t)size << 32;
}

/* Bring the next block to the slow path. */
static void hurry(Meter *m)
{
    if (m->countdown > 1) {
        m->deferred += m->countdown - 1;
        m->armed -= m->countdown - 1;
        m->countdown = 1;
    }
}

/* What a block that takes the slow path does to SP. */
static void enter(Meter *m, const Cold *cold)
{
    uint32_t address = key_address(cold->key);
    m->minimum_before = m->minimum_sp;
    m->minimum_pc_before = m->minimum_pc;
    if (cold->sp_low < 0)
        lower(m, (int64_t)m->entry_sp + cold->sp_low, address);
    if (cold->flags & INEXACT_SP)
        m->approximate = true;
    if (cold->flags & DYNAMIC_SP) { /* bring the next block here as well */
        m->pending = true;
        m->pending_tail = cold->sp_tail;
        m->pending_pc = address;
        hurry(m);
    }
}

static __attribute__((noinline)) void on_block_slow(Meter *m, uint64_t key)
{
    m->countdown++; /* not entered yet */
    m->armed += m->deferred;
    m->countdown += m->deferred;
    m->deferred = 0;
    settle_sp(m);
    uint32_t slot = find(m, key);
    if (!m->hot[slot].key) {
        if (!learn(m, key)) {
            stop(m, ERROR);
            return;
        }
        slot = find(m, key);
    }
    Cold *cold = &m->cold[m->ordinal[slot]];
    Reason reason = judge(m, cold);
    if (reason) {
        m->stopped_before = key_address(key) | 1;
        stop(m, reason);
        return;
    }
    m->first = false;
    m->countdown--;
    count(m, &m->hot[slot], key_address(key), key_size(key));
    enter(m, cold);
    bool displaced = slot != (key_address(key) >> 1 & m->mask);
    if (displaced && ++m->collisions > TOLERATED_COLLISIONS && m->mask < LARGEST_TABLE - 1)
        rebuild(m, 2 * (m->mask + 1));
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    (void)uc;
    Meter *m = user;
    uint64_t key = address | (uint64_t)size << 32;
    Hot *hot = (Hot *)((char *)m->hot + (address * 8 & m->offset_mask));
    if (unlikely(--m->countdown == 0) || unlikely(hot->key != key))
        on_block_slow(m, key);
    else
        count(m, hot, address, size);
}

/* Whether a condition holds (Armv7-M ARM, A7.3). */
static bool holds(Meter *m, unsigned condition)
{
    uint32_t flags = condition < 14 ? read_register(m, UC_ARM_REG_APSR) : 0;
    bool n = flags >> 31 & 1, z = flags >> 30 & 1, c = flags >> 29 & 1, v = flags >> 28 & 1;
    bool results[] = {z, c, n, v, c && !z, n == v, n == v && !z, true};
    return results[condition >> 1 & 7] != (condition & 1 && condition < 14);
}

static void on_watched(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    (void)uc, (void)size;
    const Watch *watch = user;
    Meter *m = watch->meter;
    uint32_t value = read_register(m, watch->reg);
    bool bad = watch->reason == UNALIGNED ? value & 3 : value == 0;
    if (bad && !m->reason && holds(m, watch->condition)) {
        m->watched = (uint32_t)address;
        stop(m, watch->reason);
    }
}

static void on_interrupt(uc_engine *uc, uint32_t number, void *user)
{
    (void)uc;
    Meter *m = user;
    if (m->reason) /* a stop inside an IT comes too late: what follows did not happen */
        return;
    m->interrupt = number;
    stop(m, INTERRUPT);
}

static bool on_invalid(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
                       void *user)
{
    (void)uc, (void)size, (void)value;
    Meter *m = user;
    if (!m->accessed) {
        m->accessed = true;
        m->access_type = type;
        m->access_address = address;
    }
    return false;
}

/* The yardstick of the bench: what a hook costs that does nothing. */
static void empty_hook(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    (void)uc, (void)address, (void)size, (void)user;
}

/* ---- system registers (Armv7-M ARM, B3.2 and C1.8) ---- */

enum {
    SYST_CSR = 0x10, SYST_RVR = 0x14, SYST_CVR = 0x18, CPUID = 0xd00, CCR = 0xd14, CPACR = 0xd88
};
enum { DWT_CYCCNT = 4 };

static uint32_t word(const uint8_t *page, uint32_t offset)
{
    uint32_t value;
    memcpy(&value, page + offset, sizeof value);
    return value;
}

static void put_word(uint8_t *page, uint32_t offset, uint32_t value)
{
    memcpy(page + offset, &value, sizeof value);
}

static uint64_t get_bytes(const uint8_t *page, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, page + (offset & 0xfff), size);
    return value;
}

static uint64_t system_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    (void)uc;
    Meter *m = user;
    if ((offset & ~3ull) == SYST_CVR && word(m->system, SYST_CSR) & 1) {
        settle(m);
        uint64_t reload = word(m->system, SYST_RVR) & 0xffffff;
        put_word(m->system, SYST_CVR,
                 (uint32_t)(reload - (m->cycles - m->systick_start) % (reload + 1)));
    }
    return get_bytes(m->system, offset, size);
}

static void update_fpu(Meter *m)
{
    uint32_t cpacr = word(m->system, CPACR);
    bool enabled = (cpacr >> 20 & 3) && (cpacr >> 22 & 3);
    if (enabled != m->fpu_enabled) {
        m->fpu_enabled = enabled;
        classify_all(m);
    }
}

static void system_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    (void)uc;
    Meter *m = user;
    bool read_only = (offset & ~3ull) == CPUID
                     || ((offset & ~3ull) == CPACR && !(m->features & HAS_FPU));
    if (read_only)
        return;
    if ((offset & ~3ull) == CCR) {
        m->new_traps = true;
        hurry(m);
    }
    memcpy(m->system + (offset & 0xfff), &value, size);
    if ((offset & ~3ull) == SYST_CVR || (offset & ~3ull) == SYST_CSR) {
        settle(m);
        m->systick_start = m->cycles;
        put_word(m->system, SYST_CVR, 0);
    }
    update_fpu(m);
}

static uint64_t dwt_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    (void)uc;
    Meter *m = user;
    settle(m);
    if (m->features & HAS_CYCCNT)
        put_word(m->dwt, DWT_CYCCNT, (uint32_t)(m->cycles - m->cyccnt_start));
    return get_bytes(m->dwt, offset, size);
}

static void dwt_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    (void)uc;
    Meter *m = user;
    if ((offset & ~3ull) == DWT_CYCCNT && !(m->features & HAS_CYCCNT))
        return;
    memcpy(m->dwt + (offset & 0xfff), &value, size);
    if ((offset & ~3ull) == DWT_CYCCNT) {
        settle(m);
        m->cyccnt_start = m->cycles - word(m->dwt, DWT_CYCCNT);
    }
}

/* ---- the Python type ---- */

static bool install(Meter *m)
{
    uc_hook hook;
    struct { int type; void *callback; } hooks[] = {
        {UC_HOOK_BLOCK, (void *)on_block},
        {UC_HOOK_INTR, (void *)on_interrupt},
        {UC_HOOK_MEM_INVALID, (void *)on_invalid},
    };
    uc_err error = UC_ERR_OK;
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks && !error; i++)
        error = m->hook_add(m->uc, &hook, hooks[i].type, hooks[i].callback, m, 1, 0);
    if (!error)
        error = m->mmio_map(m->uc, 0xe000e000, 0x1000, system_read, m, system_write, m);
    if (!error)
        error = m->mmio_map(m->uc, 0xe0001000, 0x1000, dwt_read, m, dwt_write, m);
    if (error)
        PyErr_Format(PyExc_RuntimeError, "Unicorn refused the meter (error %d)", (int)error);
    return !error;
}

static PyObject *meter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)kwargs;
    Py_ssize_t uc;
    size_t hook_add, hook_del, reg_read, reg_write, emu_start, emu_stop, mmio_map;
    PyObject *decode;
    unsigned taken_cycles, features;
    if (!PyArg_ParseTuple(args, "n(nnnnnnn)OII", &uc, &hook_add, &hook_del, &reg_read, &reg_write,
                          &emu_start, &emu_stop, &mmio_map, &decode, &taken_cycles, &features))
        return NULL;
    Meter *m = (Meter *)type->tp_alloc(type, 0);
    if (!m)
        return NULL;
    m->uc = (uc_engine *)uc;
    m->hook_add = (void *)hook_add;
    m->hook_del = (void *)hook_del;
    m->reg_read = (void *)reg_read;
    m->reg_write = (void *)reg_write;
    m->emu_start = (void *)emu_start;
    m->emu_stop = (void *)emu_stop;
    m->mmio_map = (void *)mmio_map;
    m->decode = Py_NewRef(decode);
    m->taken_cycles = taken_cycles;
    m->features = features;
    if (!rebuild(m, SMALLEST_TABLE)) {
        Py_DECREF(m);
        return PyErr_NoMemory();
    }
    if (!install(m)) {
        Py_DECREF(m);
        return NULL;
    }
    return (PyObject *)m;
}

static int meter_traverse(Meter *m, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(m));
    Py_VISIT(m->decode);
    return 0;
}

static int meter_clear(Meter *m)
{
    Py_CLEAR(m->decode);
    return 0;
}

static void free_watches(Meter *m)
{
    for (Watch *next; m->watches; m->watches = next) {
        next = m->watches->next;
        free(m->watches);
    }
}

static void meter_dealloc(Meter *m)
{
    PyTypeObject *type = Py_TYPE(m);
    PyObject_GC_UnTrack(m);
    meter_clear(m);
    free(m->hot);
    free(m->ordinal);
    free(m->cold);
    PyMem_Free(m->stops);
    free_watches(m);
    type->tp_free(m);
    Py_DECREF(type);
}

static PyObject *meter_reset(Meter *m, PyObject *args)
{
    unsigned sp, pc, cpuid, vector_table;
    if (!PyArg_ParseTuple(args, "IIII", &sp, &pc, &cpuid, &vector_table))
        return NULL;
    for (uint32_t i = 0; i < m->known; i++) {
        m->cold[i].executions = m->cold[i].taken = 0;
        m->hot[m->cold[i].slot].counts = 0;
    }
    m->deferred = 0;
    m->armed = m->countdown = 1;
    m->blocks = m->instructions = m->cycles = m->systick_start = m->cyccnt_start = 0;
    m->instructions_adjust = m->cycles_adjust = 0;
    m->pending = m->approximate = m->new_traps = false;
    m->minimum_sp = sp;
    m->minimum_pc = pc;
    m->expected = pc;
    m->last = 0;
    memset(m->system, 0, sizeof m->system);
    memset(m->dwt, 0, sizeof m->dwt);
    put_word(m->system, CPUID, cpuid);
    put_word(m->system, 0xd08, vector_table);
    update_fpu(m);
    Py_RETURN_NONE;
}

static PyObject *meter_forget(Meter *m, PyObject *unused)
{
    (void)unused;
    m->known = 0;
    for (Watch *watch = m->watches; watch; watch = watch->next)
        m->hook_del(m->uc, watch->hook);
    free_watches(m);
    if (!rebuild(m, SMALLEST_TABLE))
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static bool set_stops(Meter *m, const char *stops, Py_ssize_t size)
{
    if (size == m->stop_count * 4 && (!size || !memcmp(stops, m->stops, (size_t)size)))
        return true;
    uint32_t *copy = PyMem_Realloc(m->stops, (size_t)size + 1);
    if (!copy)
        return false;
    memcpy(copy, stops, (size_t)size);
    m->stops = copy;
    m->stop_count = size / 4;
    classify_all(m);
    return true;
}

static void begin_run(Meter *m, double seconds)
{
    clock_gettime(CLOCK_MONOTONIC, &m->deadline);
    double whole = seconds < 1e9 ? seconds : 1e9;
    m->deadline.tv_sec += (time_t)whole;
    m->deadline.tv_nsec += (long)((whole - (double)(time_t)whole) * 1e9);
    if (m->deadline.tv_nsec >= 1000000000) {
        m->deadline.tv_nsec -= 1000000000;
        m->deadline.tv_sec++;
    }
    m->reason = NOTHING;
    m->first = true;
    m->accessed = m->below_limit = false;
    arm(m, 1);
}

/* Where there is a hook on an instruction, Unicorn does not say at which block it stopped: PC is
 * where the last computed branch went. */
static void correct_pc(Meter *m)
{
    uint32_t pc = m->stopped_before;
    bool thumb = read_register(m, UC_ARM_REG_XPSR) >> 24 & 1;
    if (pc && thumb && (read_register(m, UC_ARM_REG_PC) | 1) != pc)
        m->reg_write(m->uc, UC_ARM_REG_PC, &pc);
    m->stopped_before = 0;
}

/* WFE and YIELD end a block, and Unicorn calls them invalid behind them. */
static bool only_a_hint(Meter *m, uc_err error)
{
    uint32_t slot = find(m, m->last);
    uint32_t end = key_address(m->last) + key_size(m->last);
    return error == UC_ERR_INSN_INVALID && m->last && m->hot[slot].key
           && m->cold[m->ordinal[slot]].flags & ENDS_IN_HINT
           && read_register(m, UC_ARM_REG_PC) == end;
}

/* Execute until something happens. WFI makes Unicorn return: nothing will wake us, go on. */
static uc_err execute(Meter *m, uint32_t begin, uint32_t until)
{
    uint64_t entered;
    uc_err error;
    do {
        entered = blocks_entered(m);
        error = m->emu_start(m->uc, begin, until, 0, 0);
        correct_pc(m);
        if (only_a_hint(m, error))
            error = UC_ERR_OK;
        begin = read_register(m, UC_ARM_REG_PC) | 1;
    } while (!error && !m->reason && (begin & ~1u) != until && blocks_entered(m) != entered);
    return error;
}

static PyObject *meter_run(Meter *m, PyObject *args)
{
    unsigned begin, until, stack_limit;
    const char *stops;
    Py_ssize_t stops_size;
    unsigned long long budget_end, block_limit;
    double seconds;
    if (!PyArg_ParseTuple(args, "IIy#KdIK", &begin, &until, &stops, &stops_size, &budget_end,
                          &seconds, &stack_limit, &block_limit))
        return NULL;
    if (!set_stops(m, stops, stops_size))
        return PyErr_NoMemory();
    m->stack_limit = stack_limit;
    m->block_limit = block_limit;
    m->budget_end = budget_end;
    begin_run(m, seconds);
    uc_err error;
    Py_BEGIN_ALLOW_THREADS
    error = execute(m, begin, until);
    Py_END_ALLOW_THREADS
    if (PyErr_Occurred())
        return NULL;
    return Py_BuildValue("iiIIK", (int)error, (int)m->reason, m->interrupt, m->access_type,
                         (unsigned long long)(m->accessed ? m->access_address : 0));
}

/* Of the block entered last only a part was executed: correct what was counted for all of it. */
static PyObject *meter_cut(Meter *m, PyObject *args)
{
    unsigned pc, instructions, cycles, flags;
    int sp_low, sp_tail;
    if (!PyArg_ParseTuple(args, "IIIiiI", &pc, &instructions, &cycles, &sp_low, &sp_tail, &flags))
        return NULL;
    uint32_t slot = find(m, m->last);
    if (!m->last || !m->hot[slot].key)
        Py_RETURN_NONE;
    Cold *whole = &m->cold[m->ordinal[slot]];
    m->instructions_adjust += (int64_t)instructions - whole->instructions;
    m->cycles_adjust += (int64_t)cycles - whole->cycles;
    if (whole->sp_low < 0) {
        m->minimum_sp = m->minimum_before;
        m->minimum_pc = m->minimum_pc_before;
        lower(m, (int64_t)m->entry_sp + sp_low, key_address(m->last));
    }
    m->pending = flags & DYNAMIC_SP;
    m->pending_tail = sp_tail;
    m->expected = pc;
    Py_RETURN_NONE;
}

static PyObject *meter_lowered(Meter *m, PyObject *args)
{
    unsigned pc;
    int tail;
    if (!PyArg_ParseTuple(args, "Ii", &pc, &tail))
        return NULL;
    lower(m, (int64_t)read_register(m, UC_ARM_REG_SP) + tail, pc);
    m->minimum_before = m->minimum_sp; /* whatever a cut takes back, this was reached */
    m->minimum_pc_before = m->minimum_pc;
    Py_RETURN_NONE;
}

static PyObject *meter_watch(Meter *m, PyObject *args)
{
    unsigned address, condition, reason;
    int reg;
    if (!PyArg_ParseTuple(args, "IiII", &address, &reg, &condition, &reason))
        return NULL;
    Watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return PyErr_NoMemory();
    *watch = (Watch){m->watches, m, 0, reg, condition, (Reason)reason};
    uc_err error = m->hook_add(m->uc, &watch->hook, UC_HOOK_CODE, (void *)on_watched, watch,
                               address, address);
    if (error) {
        free(watch);
        return PyErr_Format(PyExc_RuntimeError, "Unicorn refused a hook (error %d)", (int)error);
    }
    m->watches = watch;
    Py_RETURN_NONE;
}

static PyObject *meter_watched(Meter *m, PyObject *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(m->watched);
}

static PyObject *meter_system_word(Meter *m, PyObject *args)
{
    unsigned offset;
    if (!PyArg_ParseTuple(args, "I", &offset))
        return NULL;
    return PyLong_FromUnsignedLong(word(m->system, offset & 0xffc));
}

static PyObject *meter_jumped(Meter *m, PyObject *args)
{
    unsigned pc;
    if (!PyArg_ParseTuple(args, "I", &pc))
        return NULL;
    m->expected = pc;
    Py_RETURN_NONE;
}

static PyObject *meter_restart_minimum(Meter *m, PyObject *unused)
{
    (void)unused;
    m->pending = false; /* approximate stays: it speaks of the whole run */
    m->minimum_sp = read_register(m, UC_ARM_REG_SP);
    m->minimum_pc = read_register(m, UC_ARM_REG_PC);
    Py_RETURN_NONE;
}

static PyObject *meter_totals(Meter *m, PyObject *unused)
{
    (void)unused;
    settle(m);
    settle_sp(m);
    return Py_BuildValue("KKIIN", (unsigned long long)m->instructions,
                         (unsigned long long)m->cycles, m->minimum_sp, m->minimum_pc,
                         PyBool_FromLong(!m->approximate));
}

static PyObject *meter_position(Meter *m, PyObject *unused)
{
    (void)unused;
    return Py_BuildValue("KII", (unsigned long long)blocks_entered(m), key_address(m->last),
                         key_size(m->last));
}

static PyObject *meter_fpu_enabled(Meter *m, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(m->fpu_enabled);
}

static PyObject *meter_profile(Meter *m, PyObject *unused)
{
    (void)unused;
    settle(m);
    PyObject *rows = PyList_New(m->known);
    for (uint32_t i = 0; rows && i < m->known; i++) {
        const Cold *cold = &m->cold[i];
        PyObject *row = Py_BuildValue("IIIIKK", key_address(cold->key), key_size(cold->key),
                                      cold->instructions, cold->cycles,
                                      (unsigned long long)cold->executions,
                                      (unsigned long long)cold->taken);
        if (!row)
            Py_CLEAR(rows);
        else
            PyList_SET_ITEM(rows, i, row);
    }
    return rows;
}

#define METHOD(name, flags, text) {#name, (PyCFunction)meter_##name, flags, text}
static PyMethodDef methods[] = {
    METHOD(reset, METH_VARARGS, "(sp, pc, cpuid, vector_table): zero counters, keep the blocks"),
    METHOD(forget, METH_NOARGS, "Forget all blocks: the code has changed"),
    METHOD(run, METH_VARARGS,
           "(pc | thumb, end, stops, instructions, seconds, stack_limit, blocks) -> (error, reason, "
           "interrupt, access type, access address); instructions and blocks count from reset"),
    METHOD(cut, METH_VARARGS,
           "(pc, instructions, cycles, sp_low, sp_tail, flags): the last block ended at pc"),
    METHOD(lowered, METH_VARARGS, "(pc, tail): in mid-block SP was as low as SP + tail"),
    METHOD(watch, METH_VARARGS,
           "(address, register, condition, reason): stop there when the register is bad"),
    METHOD(watched, METH_NOARGS, "Address of the instruction that a watch stopped at"),
    METHOD(system_word, METH_VARARGS, "(offset): a register of the system control space"),
    METHOD(jumped, METH_VARARGS, "(pc): the host changed PC, which is no taken branch"),
    METHOD(restart_minimum, METH_NOARGS, "Measure the minimum SP from here on"),
    METHOD(totals, METH_NOARGS,
           "(instructions, cycles, minimum SP, its PC, whether that is exact) since reset"),
    METHOD(position, METH_NOARGS,
           "(blocks entered since reset, address and size of the last of them)"),
    METHOD(fpu_enabled, METH_NOARGS, "Whether CPACR allows floating point"),
    METHOD(profile, METH_NOARGS,
           "[(address, size, instructions, cycles, executions, taken entries)] since reset"),
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Meter(uc, functions, decode, taken_cycles, features): counts what a uc_engine executes"},
    {Py_tp_new, meter_new},
    {Py_tp_dealloc, meter_dealloc},
    {Py_tp_traverse, meter_traverse},
    {Py_tp_clear, meter_clear},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "lab.engines._meter.Meter",
    .basicsize = sizeof(Meter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static PyObject *empty_hook_address(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyLong_FromVoidPtr((void *)empty_hook);
}

static PyMethodDef functions[] = {
    {"empty_hook_address", empty_hook_address, METH_NOARGS, "Address of a block hook for benches"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_meter", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__meter(void)
{
    PyObject *module = PyModule_Create(&definition);
    PyObject *type = module ? PyType_FromSpec(&spec) : NULL;
    if (!type || PyModule_AddObject(module, "Meter", type) < 0) {
        Py_XDECREF(type);
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
