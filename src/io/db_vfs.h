/* The VFS "sage": SQLite's default one behind the fault seam. */
#ifndef SAGE_IO_DB_VFS_H
#define SAGE_IO_DB_VFS_H

/* Registers it once in the process; returns an SQLite code. */
int sage_db_vfs_register(void);

#define SAGE_DB_VFS "sage"

#endif
