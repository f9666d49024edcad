/* A plugin of QEMU 7 or later: how many instructions a program executes. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct qemu_plugin_tb;
typedef void translated(uint64_t id, struct qemu_plugin_tb *block);
typedef void ended(uint64_t id, void *nothing);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated *call);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation,
                                              void *where, uint64_t value);
void qemu_plugin_register_atexit_cb(uint64_t id, ended *call, void *nothing);

int qemu_plugin_version = 1;
static uint64_t executed;

/* A block of instructions is translated once; each time that it runs, its length is added (0). */
static void add_block(uint64_t id, struct qemu_plugin_tb *block) {
  qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &executed, qemu_plugin_tb_n_insns(block));
}

static void say(uint64_t id, void *nothing) {
  fprintf(stderr, "instructions %llu\n", (unsigned long long)executed);
}

int qemu_plugin_install(uint64_t id, const void *info, int count, char **arguments) {
  qemu_plugin_register_vcpu_tb_trans_cb(id, add_block);
  qemu_plugin_register_atexit_cb(id, say, NULL);
  return 0;
}
