// SPDX-License-Identifier: MIT
/*
 * lua - a script, and tables and blocks that are made for it
 */
#include <stdio.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#define BLOCKS	30

static const char script[] =
	"local t = {}\n"
	"for i = 1, 200 do t[i] = 'word' .. i end\n"
	"table.sort(t)\n"
	"return #table.concat(t), #blocks\n";

static void make_blocks(lua_State *state)
{
	lua_createtable(state, BLOCKS, 0);
	for (int i = 1; i <= BLOCKS; i++) {
		lua_newuserdatauv(state, 1000, 0);
		lua_rawseti(state, -2, i);
	}
	lua_setglobal(state, "blocks");
}

int main(void)
{
	lua_State *state = luaL_newstate();

	if (!state)
		return 1;
	luaL_openlibs(state);
	make_blocks(state);
	if (luaL_dostring(state, script))
		return 1;
	printf("%lld bytes, %lld blocks\n", lua_tointeger(state, -2),
	       lua_tointeger(state, -1));
	lua_close(state);
	return 0;
}
