// Package check holds what is in deploy/ to the formats that it is in. It is a module
// of its own, so that what reads those formats weighs on nobody else.
package check
