// run

package main

import "fmt"

type op byte

const (
	push op = iota
	add
	jump
	jumpZero
	dup
	halt
	_
	crash = op(1<<iota - 1)
)

type instr struct {
	op  op
	arg int
}

func run(code []instr, fuel int) (stack []int, err error) {
	pc, steps := 0, 0
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("at %d after %d: %v", pc, steps, v)
		}
	}()
next:
	if steps++; steps > fuel {
		goto exhausted
	}
	{
		in := code[pc]
		pc++
		switch in.op {
		case push:
			stack = append(stack, in.arg)
			goto next
		case add:
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			stack[len(stack)-1] += top
			goto next
		case dup:
			stack = append(stack, stack[len(stack)-1])
			goto next
		case jumpZero:
			top := stack[len(stack)-1]
			if stack = stack[:len(stack)-1]; top != 0 {
				goto next
			}
			fallthrough
		case jump:
			pc = in.arg
			goto next
		case halt:
			goto done
		case crash:
			panic(fmt.Sprint("crash", in.arg))
		default:
			panic(in)
		}
	}
exhausted:
	err = fmt.Errorf("no fuel at %d", pc)
	return
done:
	return stack, nil
}

func main() {
	fmt.Println(run([]instr{{push, 3}, {dup, 0}, {jumpZero, 6}, {push, -1}, {add, 0}, {jump, 1}, {halt, 0}}, 100))
	fmt.Println(run([]instr{{push, 1}, {jump, 0}}, 10))
	fmt.Println(run([]instr{{add, 0}}, 10))
	fmt.Println(run([]instr{{push, 1}, {crash, 4}}, 10))
	fmt.Println(run([]instr{{99, 4}}, 10))
	fmt.Println(run(nil, 10))
	fmt.Println(crash)
}
