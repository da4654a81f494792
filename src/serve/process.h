/* What the process takes of the machine. */
#ifndef SAGE_SERVE_PROCESS_H
#define SAGE_SERVE_PROCESS_H

typedef struct sage_process {
    double resident_bytes, cpu_s, descriptors; /* 0 where the system does not say */
} sage_process;
sage_process sage_process_read(void);

#endif
