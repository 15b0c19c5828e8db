package task

import (
	"reflect"
	"runtime"
	"sync"
	"weak"
)

// names are the names that objects were given, by their addresses.
var names sync.Map

// nameTag is a name, and whether whoever has it is still there.
type nameTag struct {
	name  string
	alive func() bool
}

// SetName gives an object that tasks wait for, such as a lock, a channel or a group, a name for dumps. It does
// not keep the object. Any goroutine.
func SetName[T any](object *T, name string) {
	at, w := reflect.ValueOf(object).Pointer(), weak.Make(object)
	n := &nameTag{name, func() bool { return w.Value() != nil }}
	names.Store(at, n)
	runtime.AddCleanup(object, func(at uintptr) { names.CompareAndDelete(at, n) }, at)
}

// ObjectName returns the name that the object of an [Await] was given, or "".
func ObjectName(object any) string {
	v := reflect.ValueOf(object)
	if v.Kind() != reflect.Pointer {
		return ""
	}
	if n, ok := names.Load(v.Pointer()); ok && n.(*nameTag).alive() { // else another object has its address
		return n.(*nameTag).name
	}
	return ""
}
