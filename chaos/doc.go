// Package chaos holds a test only: the whole gateway, put together as the binary
// puts it, against an emulator that misbehaves by a seed.
package chaos
