//go:build !heistdebug && !explore

package task_test

const debugBuild = false
