// SPDX-License-Identifier: MIT
/* main - an executable around check(), which may live in a shared object */
int check(void);

int main(void)
{
	return check() ? 1 : 42;
}
