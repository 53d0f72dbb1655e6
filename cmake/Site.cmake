# Static pages inside a plugin.
#
# pdb_site(<target> <folder> [<file> …]) - embeds the files of the folder, and the others given, in
# the target, as the table that <folder's plugin>/site.h declares: `site_files`, `site_file_count`.
function(pdb_site target folder)
	file(GLOB files CONFIGURE_DEPENDS ${folder}/*)
	list(APPEND files ${ARGN})
	set(out ${CMAKE_CURRENT_BINARY_DIR}/${target}_site.c)
	add_custom_command(OUTPUT ${out}
		COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DFILES=${files}" -P ${PROJECT_SOURCE_DIR}/cmake/EmbedSite.cmake
		DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/EmbedSite.cmake
		VERBATIM)
	target_sources(${target} PRIVATE ${out})
endfunction()
