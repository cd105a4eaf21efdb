// Package client is for Go programs that use a callgate: connections with sane
// settings, event streams that outlive them, and members of groups.
package client
