// Package client is for Go programs that use a callgate: connections with sane
// settings, and event streams that outlive them.
package client
