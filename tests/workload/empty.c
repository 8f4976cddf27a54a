/* SPDX-License-Identifier: Apache-2.0 */
/* The cheapest program there is: no libc, no stack frame, exit(0). */
_Noreturn void _start(void);

void _start(void)
{
#if defined(__x86_64__)
	__asm__ volatile("xor %%edi, %%edi\n\tmov $231, %%eax\n\tsyscall" ::: "memory");
#elif defined(__aarch64__)
	__asm__ volatile("mov x0, #0\n\tmov x8, #94\n\tsvc #0" ::: "memory");
#else
#error "exit_group is not known for this architecture"
#endif
	__builtin_unreachable();
}
