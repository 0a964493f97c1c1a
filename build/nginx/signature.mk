# Prints the signature that nginx gives to modules of a configured build:
#
#     make -s -f build/nginx/signature.mk NGINX_SOURCE_DIR=... NGINX_BUILD_DIR=... (all absolute)

.DEFAULT_GOAL := signature

include $(NGINX_BUILD_DIR)/Makefile

signature:
	@printf '#include <ngx_config.h>\n#include <ngx_core.h>\nSIGNATURE NGX_MODULE_SIGNATURE\n' | \
		(cd $(NGINX_SOURCE_DIR) && $(CC) -E -P $(CFLAGS) $(ALL_INCS) -x c -) | sed -n 's/^SIGNATURE//p' | tr -d '" '
