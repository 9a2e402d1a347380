// SPDX-License-Identifier: MIT
/*
 * early_new - operator new before the preload in front has been relocated
 */
#include <cstdio>
#include <new>

int answer_of_new();

#ifdef LIBRARY
static int *early[2];

static int answer()
{
	int sum = *early[0] + early[1][9];

	::operator delete(early[0]);
	::operator delete[](early[1]);
	return sum;
}

extern "C" __attribute__((visibility("hidden"))) int (*choose())()
{
	early[0] = static_cast<int *>(::operator new(sizeof(int)));
	early[1] = static_cast<int *>(::operator new[](10 * sizeof(int)));
	*early[0] = 40;
	early[1][9] = 2;
	return answer;
}

static int chosen() __attribute__((ifunc("choose")));

int answer_of_new()
{
	return chosen();
}
#else
int main()
{
	std::printf("%d\n", answer_of_new());
	return 0;
}
#endif
