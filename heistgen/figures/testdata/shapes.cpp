// The functions of shapes.go as coroutines: it prints how much memory each has at most, with what it awaits.
// g++ -std=c++20 -O2 shapes.cpp && ./a.out
#include <algorithm>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

static size_t now, most; // bytes of frames

template <class T> struct Task {
	struct promise_type {
		std::coroutine_handle<> up;
		T value{};
		static void *operator new(size_t n) {
			now += n;
			most = std::max(most, now);
			return malloc(n);
		}
		static void operator delete(void *p, size_t n) {
			now -= n;
			free(p);
		}
		Task get_return_object() { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
		std::suspend_always initial_suspend() noexcept { return {}; }
		struct Final {
			bool await_ready() noexcept { return false; }
			std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept {
				auto up = h.promise().up;
				return up ? up : std::noop_coroutine();
			}
			void await_resume() noexcept {}
		};
		Final final_suspend() noexcept { return {}; }
		void return_value(T v) { value = std::move(v); }
		void unhandled_exception() { std::abort(); }
	};
	std::coroutine_handle<promise_type> h;
	explicit Task(std::coroutine_handle<promise_type> h) : h(h) {}
	Task(const Task &) = delete;
	~Task() { h.destroy(); }
	bool await_ready() { return false; }
	std::coroutine_handle<> await_suspend(std::coroutine_handle<> up) {
		h.promise().up = up;
		return h;
	}
	T await_resume() { return std::move(h.promise().value); }
};

static std::coroutine_handle<> innermost;

struct Tick {
	bool await_ready() { return false; }
	void await_suspend(std::coroutine_handle<> h) { innermost = h; }
	void await_resume() {}
};

struct Tree {
	Tree *left;
	long value;
	void note(const std::string &s) { value += s.size(); }
};

struct Note {
	Tree *t;
	std::string s;
	~Note() { t->note(s); }
};

Task<long> leaf(long a, long b) {
	long c = a * b;
	co_await Tick{};
	c += a;
	co_await Tick{};
	co_return a + b + c;
}

Task<std::string> other(std::string text) {
	co_await Tick{};
	text += "!";
	co_await Tick{};
	co_return text;
}

Task<long> branches(long n, std::string text) {
	long v = co_await leaf(n, n);
	if (v % 2 == 0)
		co_return v + co_await leaf(v, 1);
	co_return v + (long)(co_await other(text)).size();
}

Task<std::string> session(long n, std::string text) {
	long k = co_await branches(n, text);
	for (long i = 0; i < std::min(k, 3l); i++)
		text = co_await other(text);
	co_return text;
}

Task<std::string> pointers(Tree *t) {
	for (; t; t = t->left)
		co_await Tick{};
	co_return "end";
}

Task<std::vector<char>> bytes(std::vector<char> b) {
	for (size_t i = 0; i < b.size(); i++) {
		co_await Tick{};
		b[i]++;
	}
	co_return b;
}

Task<std::string> row(long n, std::string text) {
	long a = co_await leaf(n, n);
	std::string b = co_await other(text);
	Tree t{nullptr, a};
	std::string c = co_await pointers(&t);
	std::vector<char> d = co_await bytes(std::vector<char>(b.begin(), b.end()));
	co_return std::string(d.begin(), d.end()) + c;
}

Task<long> phases(long n) {
	long k;
	{
		std::string text(1, (char)n);
		co_await Tick{};
		k = text.size();
	}
	double f;
	{
		std::vector<long> list{k};
		co_await Tick{};
		f = list[0];
	}
	co_await Tick{};
	co_return (long)f;
}

Task<int> cleanup(Tree *t, std::string text) {
	Note first{t, text};
	co_await Tick{};
	Note second{t, "second"};
	co_await Tick{};
	co_return 0;
}

Task<long> five(Tree *t, std::string text) {
	long n = co_await phases(text.size());
	co_await cleanup(t, text);
	std::string s = co_await pointers(t);
	std::string all = text + s;
	std::vector<char> b = co_await bytes(std::vector<char>(all.begin(), all.end()));
	co_return n + co_await branches(n, std::string(b.begin(), b.end()));
}

template <class F> void show(const char *name, F f) {
	now = most = 0;
	{
		auto t = f();
		t.h.resume();
		while (!t.h.done())
			innermost.resume();
	}
	printf("%s %zu\n", name, most);
}

int main() {
	Tree t{nullptr, 1};
	show("leaf", [] { return leaf(1, 2); });
	show("other", [] { return other("x"); });
	show("pointers", [&] { return pointers(&t); });
	show("bytes", [] { return bytes({'a'}); });
	show("cleanup", [&] { return cleanup(&t, "x"); });
	show("session", [] { return session(1, "x"); });
	show("row", [] { return row(1, "x"); });
	show("branches", [] { return branches(1, "x"); });
	show("phases", [] { return phases(65); });
	show("five", [&] { return five(&t, "x"); });
}
