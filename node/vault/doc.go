// Package vault keeps a node's secrets (key shares, pair seeds, vector shares,
// private keys) sealed at rest: a thief with the disk, but without the key
// file, gets nothing but their names and lengths.
//
// The key is 32 random bytes in a text file of its own (NewKeyFile), meant for
// another place than the data: a mounted secret, a removable medium, a ramdisk.
// Each secret is one file, sealed by AES-256-GCM under a key that HKDF-SHA256
// derives from the vault's key and the secret's name, with a random nonce, the
// name being authenticated too. So a file that was changed, or renamed over
// another, does not open.
//
// Invariants:
//
//   - After Put returns, the secret survives a crash; during it, the old or
//     the new one is there, never a part (write aside, fsync, rename, fsync of
//     the directory).
//   - The directory has mode 0700 and every file 0600. A key file that a group
//     or others may read is refused: it is no secret any more.
//   - A vault is bound to its key when it is first opened, by a sealed marker
//     file. Opened later with another key, it fails at once and not at the
//     first secret that is needed.
//
// How it fails: ErrNotFound, ErrSealed (tampered with, renamed, or another
// key; the message names the file), ErrKeyFile, ErrName. No error carries a
// secret.
//
// What it does not do: it does not detect that a file was put back from an
// older copy of itself, nor that one was taken away; who can do either can
// stop the node anyway. It cannot prove erasure: Delete overwrites the file,
// but file systems, SSDs and backups keep what they like. Used from several
// goroutines it is safe; a directory belongs to one process at a time (the
// node's stores lock theirs).
package vault
