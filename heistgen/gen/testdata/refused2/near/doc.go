// Package near has a straight-line function whose machine other packages cannot name.
package near
