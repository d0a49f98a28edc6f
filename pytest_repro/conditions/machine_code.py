"""Replacements of the C library's clock functions, as machine code for x86-64 Linux.

Position-independent: the data lie one page after the code. Made from the assembly on the right by
GNU as; the labels in `ENTRIES` are the functions that are replaced. Data, eight bytes each:

======  ==================================================================
offset  meaning
======  ==================================================================
0, 8    wall clock in ns, and its step per reading (pinned)
16, 24  CPU clocks in ns, and their step per reading (pinned)
32      seconds to add to the real wall clock (shifted)
40      0: pinned, 1: shifted
48      address of ``__errno_location``
56, 64  addresses of ``sem_clockwait`` and ``pthread_cond_clockwait``
======  ==================================================================

Wall clocks are CLOCK_REALTIME (0), CLOCK_REALTIME_COARSE (5) and CLOCK_TAI (11): the mask 0x821; CPU
clocks 2 and 3: the mask 0xc. Every other clock is read by the real system call, so that waiting
with a time-out, which goes by CLOCK_MONOTONIC, works as ever.

The two functions that wait until a wall-clock time hand the kernel a deadline. One computed from a
pinned or shifted clock would have passed long ago or lie weeks ahead, so ``deadline`` translates it
to real time. Deadlines below 10**9 seconds are monotonic ones (a machine is not up for 31 years).
"""

from __future__ import annotations

__all__ = ["DATA_OFFSET", "ENTRIES", "code"]

DATA_OFFSET = 4096
ENTRIES = ("clock_gettime", "gettimeofday", "time", "sem_timedwait", "pthread_cond_timedwait")

_LISTING = """
clock_gettime:
000 4c8d05f90f0000     lea r8,[rip+0xff9]  ; data
007 83ff0f             cmp edi,0xf
00a 773c               ja 48 <real>
00c 4983782800         cmp [r8+0x28],0x0
011 7535               jne 48 <real>
013 b821080000         mov eax,0x821
018 0fa3f8             bt eax,edi
01b 720e               jb 2b <step>
01d b80c000000         mov eax,0xc
022 0fa3f8             bt eax,edi
025 7321               jae 48 <real>
027 4983c010           add r8,0x10
step:
02b 498b4008           mov rax,[r8+0x8]
02f f0490fc100         lock xadd [r8],rax
034 31d2               xor edx,edx
036 b900ca9a3b         mov ecx,0x3b9aca00
03b 48f7f1             div rcx
03e 488906             mov [rsi],rax
041 48895608           mov [rsi+0x8],rdx
045 31c0               xor eax,eax
047 c3                 ret
real:
048 b8e4000000         mov eax,0xe4
04d 0f05               syscall
04f 4885c0             test rax,rax
052 7819               js 6d <failed>
054 83ff0f             cmp edi,0xf
057 7711               ja 6a <done>
059 b921080000         mov ecx,0x821
05e 0fa3f9             bt ecx,edi
061 7307               jae 6a <done>
063 498b4820           mov rcx,[r8+0x20]
067 48010e             add [rsi],rcx
done:
06a 31c0               xor eax,eax
06c c3                 ret
failed:
06d 53                 push rbx
06e 4889c3             mov rbx,rax
071 f7db               neg ebx
073 41ff5030           call [r8+0x30]
077 8918               mov [rax],ebx
079 83c8ff             or eax,0xffffffff
07c 5b                 pop rbx
07d c3                 ret
07e 6690               xchg ax,ax
gettimeofday:
080 53                 push rbx
081 4883ec10           sub rsp,0x10
085 4889fb             mov rbx,rdi
088 31ff               xor edi,edi
08a 4889e6             mov rsi,rsp
08d e86effffff         call 0 <clock_gettime>
092 4885db             test rbx,rbx
095 741a               je b1 <gettimeofday+0x31>
097 488b0424           mov rax,[rsp]
09b 488903             mov [rbx],rax
09e 488b442408         mov rax,[rsp+0x8]
0a3 31d2               xor edx,edx
0a5 b9e8030000         mov ecx,0x3e8
0aa 48f7f1             div rcx
0ad 48894308           mov [rbx+0x8],rax
0b1 31c0               xor eax,eax
0b3 4883c410           add rsp,0x10
0b7 5b                 pop rbx
0b8 c3                 ret
0b9 0f1f8000000000     nop [rax+0x0]
time:
0c0 53                 push rbx
0c1 4883ec10           sub rsp,0x10
0c5 4889fb             mov rbx,rdi
0c8 31ff               xor edi,edi
0ca 4889e6             mov rsi,rsp
0cd e82effffff         call 0 <clock_gettime>
0d2 488b0424           mov rax,[rsp]
0d6 4885db             test rbx,rbx
0d9 7403               je de <time+0x1e>
0db 488903             mov [rbx],rax
0de 4883c410           add rsp,0x10
0e2 5b                 pop rbx
0e3 c3                 ret
0e4 66662e0f1f840000000000 data16 cs nop WORD PTR [rax+rax*1+0x0]
0ef 90                 nop
sem_timedwait:
0f0 4989f1             mov r9,rsi
0f3 4883ec18           sub rsp,0x18
0f7 4989e2             mov r10,rsp
0fa e851000000         call 150 <deadline>
0ff 31f6               xor esi,esi
101 4889e2             mov rdx,rsp
104 41ff5038           call [r8+0x38]
108 4883c418           add rsp,0x18
10c c3                 ret
10d 0f1f00             nop [rax]
pthread_cond_timedwait:
110 4c8d05e90e0000     lea r8,[rip+0xee9]  ; data
117 48813a00ca9a3b     cmp [rdx],0x3b9aca00
11e 7d0c               jge 12c <pthread_cond_timedwait+0x1c>
120 4889d1             mov rcx,rdx
123 ba01000000         mov edx,0x1
128 41ff6040           jmp [r8+0x40]
12c 4989d1             mov r9,rdx
12f 4883ec18           sub rsp,0x18
133 4989e2             mov r10,rsp
136 e815000000         call 150 <deadline>
13b 31d2               xor edx,edx
13d 4889e1             mov rcx,rsp
140 41ff5040           call [r8+0x40]
144 4883c418           add rsp,0x18
148 c3                 ret
149 0f1f8000000000     nop [rax+0x0]
deadline:
150 4c8d05a90e0000     lea r8,[rip+0xea9]  ; data
157 4983782800         cmp [r8+0x28],0x0
15c 7413               je 171 <deadline+0x21>
15e 498b01             mov rax,[r9]
161 492b4020           sub rax,[r8+0x20]
165 498902             mov [r10],rax
168 498b4108           mov rax,[r9+0x8]
16c 49894208           mov [r10+0x8],rax
170 c3                 ret
171 49690100ca9a3b     imul rax,[r9],0x3b9aca00
178 703f               jo 1b9 <deadline+0x69>
17a 49034108           add rax,[r9+0x8]
17e 492b00             sub rax,[r8]
181 57                 push rdi
182 56                 push rsi
183 50                 push rax
184 31ff               xor edi,edi
186 4c89d6             mov rsi,r10
189 b8e4000000         mov eax,0xe4
18e 0f05               syscall
190 58                 pop rax
191 5e                 pop rsi
192 5f                 pop rdi
193 49690a00ca9a3b     imul rcx,[r10],0x3b9aca00
19a 49034a08           add rcx,[r10+0x8]
19e 4801c8             add rax,rcx
1a1 7902               jns 1a5 <deadline+0x55>
1a3 31c0               xor eax,eax
1a5 52                 push rdx
1a6 31d2               xor edx,edx
1a8 b900ca9a3b         mov ecx,0x3b9aca00
1ad 48f7f1             div rcx
1b0 498902             mov [r10],rax
1b3 49895208           mov [r10+0x8],rdx
1b7 5a                 pop rdx
1b8 c3                 ret
1b9 498b01             mov rax,[r9]
1bc 498902             mov [r10],rax
1bf 49c7420800000000   mov [r10+0x8],0x0
1c7 c3                 ret
"""


def code() -> tuple[bytes, dict[str, int]]:
    """Read the machine code, and where each label is in it."""
    data, labels = bytearray(), {}
    for line in _LISTING.split("\n"):
        if line.endswith(":"):
            labels[line[:-1]] = len(data)
        elif line:
            data += bytes.fromhex(line.split()[1])
    return bytes(data), labels
